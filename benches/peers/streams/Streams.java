import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;

/** `Streams processor|dsl BROKERS RECORDS`: reads all topics from their beginnings, says when it begins and ends, and prints the results. */
public final class Streams {
  /** Results come with a commit (every 5 s): nothing more for so long means that all have come. */
  private static final long QUIET_MS = 8_000;

  public static void main(String[] args) throws Exception {
    Topology topology = args[0].equals("dsl") ? Dsl.topology() : Processors.topology();
    long records = Long.parseLong(args[2]);
    Properties p = new Properties();
    p.put("application.id", "opsbench-" + args[0] + "-" + System.currentTimeMillis());
    p.put("bootstrap.servers", args[1]);
    p.put("state.dir", System.getProperty("state"));
    p.put("auto.offset.reset", "earliest");
    // As Confluent's tuning guide and Kafka's own documentation have it for throughput: a thread a core, large fetches and batches, a cache.
    p.put("num.stream.threads", "2");
    p.put("statestore.cache.max.bytes", String.valueOf(256L << 20));
    p.put("commit.interval.ms", "5000");
    p.put("topology.optimization", "all");
    p.put("buffered.records.per.partition", "5000");
    p.put("consumer.max.poll.records", "10000");
    p.put("consumer.fetch.max.bytes", "52428800");
    p.put("consumer.max.partition.fetch.bytes", "4194304");
    p.put("producer.linger.ms", "50");
    p.put("producer.batch.size", "131072");
    p.put("producer.compression.type", "lz4");
    p.put("producer.buffer.memory", "134217728");
    KafkaStreams streams = new KafkaStreams(topology, p);
    streams.start();
    while (Event.SEEN.sum() == 0) Thread.sleep(2);
    System.out.println("opsbench begin");
    long last = -1, changed = System.nanoTime();
    while (true) {
      Thread.sleep(20);
      long seen = Event.SEEN.sum(), now = seen + Results.AGGREGATED.sum();
      if (now != last) {
        last = now;
        changed = System.nanoTime();
      }
      long quiet = (System.nanoTime() - changed) / 1_000_000;
      if (seen >= records && quiet >= QUIET_MS) {
        System.out.println("opsbench end " + quiet);
        break;
      }
    }
    System.out.println("opsbench results " + Results.json());
    System.in.read();
    streams.close(Duration.ofSeconds(30));
    System.exit(0);
  }
}
