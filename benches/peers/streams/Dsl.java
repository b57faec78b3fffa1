import java.time.Duration;
import java.util.Map;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.*;

/**
 * The job as users of the DSL write it: groupBy (by way of repartition topics), windows, a stream-stream join. Aggregates are held in memory and
 * the join in RocksDB (in memory a join window of 30 days is scanned from end to end for each record), without changelogs: the cheapest that
 * gives the right answers.
 */
final class Dsl {
  // Repartitioning mixes partitions that are read at different speeds. With a grace of minutes more than half of a backlog is dropped as late.
  private static final Duration GRACE = Duration.ofDays(40);
  private static final Duration HOUR = Duration.ofHours(1);

  static Topology topology() {
    StreamsBuilder b = new StreamsBuilder();
    Serde<Event> event = Serdes.serdeFrom((topic, e) -> null, new Event.Reader());
    Consumed<String, Event> consumed = Consumed.with(Serdes.String(), event).withTimestampExtractor(new Event.Time());
    KStream<String, Event> orders = b.stream("orders", consumed).filter((k, e) -> e != null);
    KStream<String, Event> picks = b.stream("picks", consumed).filter((k, e) -> e != null);
    KStream<String, Event> errors = b.stream("errors", consumed).filter((k, e) -> e != null);
    KStream<String, Event> tickets = b.stream("tickets", consumed).filter((k, e) -> e != null);
    KStream<String, Event> created = orders.filter((k, e) -> "created".equals(e.type));
    KStream<String, Event> shipped = orders.filter((k, e) -> "shipped".equals(e.type));
    hourly(picks, "picks");
    hourly(errors.filter((k, e) -> "mispick".equals(e.category)), "mispicks");
    mean(created.map((k, e) -> KeyValue.pair(e.warehouse + "|" + e.channel, e.amount)), "orders");
    mean(picks.map((k, e) -> KeyValue.pair("all", e.duration)), "pick");
    StreamJoined<String, Long, Long> joined = StreamJoined.with(Serdes.String(), Serdes.Long(), Serdes.Long()).withLoggingDisabled();
    KStream<String, Double> lead = created.mapValues(e -> e.ms)
        .join(shipped.mapValues(e -> e.ms), (from, to) -> (double) (to - from), JoinWindows.ofTimeDifferenceWithNoGrace(Duration.ofDays(30)), joined);
    mean(lead.map((k, x) -> KeyValue.pair("all", x)), "joined");
    mean(tickets.filter((k, e) -> !Double.isNaN(e.handle)).map((k, e) -> KeyValue.pair("all", e.handle)), "handle");
    mean(tickets.filter((k, e) -> !Double.isNaN(e.csat)).map((k, e) -> KeyValue.pair("all", e.csat)), "csat");
    return b.build();
  }

  private static void mean(KStream<String, Double> values, String name) {
    Materialized<String, Sum, KeyValueStore<Bytes, byte[]>> store = Materialized.as(Stores.inMemoryKeyValueStore(name + "-store"));
    values.groupByKey(Grouped.with(name, Serdes.String(), Serdes.Double()))
        .aggregate(Sum::new, (k, v, sum) -> { Results.AGGREGATED.increment(); return sum.add(v); },
            store.withKeySerde(Serdes.String()).withValueSerde(Sum.SERDE).withCachingEnabled().withLoggingDisabled())
        .toStream().foreach((k, sum) -> Results.put(name + "|" + k, sum));
  }

  private static void hourly(KStream<String, Event> events, String name) {
    Materialized<String, Sum, WindowStore<Bytes, byte[]>> store =
        Materialized.as(Stores.inMemoryWindowStore(name + "-store", GRACE.plus(HOUR), HOUR, false));
    events.map((k, e) -> KeyValue.pair(e.warehouse, 1L)).groupByKey(Grouped.with(name, Serdes.String(), Serdes.Long()))
        .windowedBy(TimeWindows.ofSizeAndGrace(HOUR, GRACE))
        .aggregate(Sum::new, (k, v, sum) -> { Results.AGGREGATED.increment(); return sum.add(v); },
            store.withKeySerde(Serdes.String()).withValueSerde(Sum.SERDE).withCachingEnabled().withLoggingDisabled())
        .toStream().foreach((k, sum) -> Results.put(name + "|" + k.window().start() / 3_600_000 + "|" + k.key(), sum));
  }
}
