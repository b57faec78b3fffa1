import java.time.Duration;
import java.util.List;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.*;

/** The job by hand, by the Processor API: a store in memory for each topic and task, no repartitioning, what tasks hold is added up at the end. */
final class Processors {
  static Topology topology() {
    Topology t = new Topology();
    for (String topic : List.of("orders", "picks", "errors", "tickets")) {
      t.addSource(AutoOffsetReset.earliest(), "s-" + topic, new Event.Time(), new StringDeserializer(), new Event.Reader(), topic)
          .addProcessor("p-" + topic, () -> new One(topic), "s-" + topic);
      t.addStateStore(Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore("sums-" + topic), Serdes.String(), Sum.SERDE).withLoggingDisabled(), "p-" + topic);
    }
    t.addStateStore(Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore("open"), Serdes.String(), Serdes.Long()).withLoggingDisabled(), "p-orders");
    return t;
  }

  private static final class One implements Processor<String, Event, Void, Void> {
    private final String topic;
    private String task;
    private KeyValueStore<String, Sum> sums;
    private KeyValueStore<String, Long> open;

    One(String topic) { this.topic = topic; }

    @Override public void init(ProcessorContext<Void, Void> context) {
      task = context.taskId().toString();
      sums = context.getStateStore("sums-" + topic);
      if (topic.equals("orders")) open = context.getStateStore("open");
      context.schedule(Duration.ofSeconds(1), PunctuationType.WALL_CLOCK_TIME, at -> {
        try (KeyValueIterator<String, Sum> all = sums.all()) {
          while (all.hasNext()) {
            KeyValue<String, Sum> one = all.next();
            Results.put(one.key + "#" + task, one.value);
          }
        }
      });
    }

    private void add(String key, double x) {
      Sum sum = sums.get(key);
      sums.put(key, (sum == null ? new Sum() : sum).add(x));
    }

    @Override public void process(Record<String, Event> record) {
      Results.AGGREGATED.increment();
      Event e = record.value();
      if (e == null) return;
      switch (topic) {
        case "orders":
          if (e.type.equals("created")) {
            add("orders|" + e.warehouse + "|" + e.channel, e.amount);
            open.put(e.order, e.ms);
          } else {
            Long created = open.delete(e.order);
            if (created != null) add("lead|all", e.ms - created);
          }
          break;
        case "picks":
          add("picks|" + e.ms / 3_600_000 + "|" + e.warehouse, 1);
          add("pick|all", e.duration);
          break;
        case "errors":
          if ("mispick".equals(e.category)) add("mispicks|" + e.ms / 3_600_000 + "|" + e.warehouse, 1);
          break;
        default:
          if (!Double.isNaN(e.handle)) add("handle|all", e.handle);
          if (!Double.isNaN(e.csat)) add("csat|all", e.csat);
      }
    }
  }
}
