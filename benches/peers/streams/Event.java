import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.time.LocalDate;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.streams.processor.TimestampExtractor;

/** One event: only the fields that the job reads, by Jackson's streaming parser, the cheapest way that Jackson offers. */
final class Event {
  String type, order, warehouse, channel, category;
  double amount = Double.NaN, duration = Double.NaN, handle = Double.NaN, csat = Double.NaN;
  long ms;

  /** Records that were deserialized. */
  static final LongAdder SEEN = new LongAdder();

  /** A record that is no JSON gives null, which the topologies leave out. */
  static final class Reader implements Deserializer<Event> {
    private static final JsonFactory JSON = new JsonFactory();

    @Override public Event deserialize(String topic, byte[] bytes) {
      SEEN.increment();
      if (bytes == null) return null;
      try (JsonParser p = JSON.createParser(bytes)) {
        Event e = new Event();
        String ts = null;
        p.nextToken();
        for (JsonToken token; (token = p.nextToken()) != JsonToken.END_OBJECT; ) {
          if (token == null) throw new JsonParseException(p, "cut off");
          String name = p.currentName();
          p.nextToken();
          switch (name) {
            case "type": e.type = p.getText(); break;
            case "ts": ts = p.getText(); break;
            case "order_id": e.order = p.getText(); break;
            case "warehouse": e.warehouse = p.getText(); break;
            case "channel": e.channel = p.getText(); break;
            case "category": e.category = p.getText(); break;
            case "amount": e.amount = p.getDoubleValue(); break;
            case "duration_ms": e.duration = p.getDoubleValue(); break;
            case "handle_s": e.handle = p.getDoubleValue(); break;
            case "csat": e.csat = p.getDoubleValue(); break;
            default: p.skipChildren();
          }
        }
        e.ms = millis(ts);
        return e;
      } catch (Exception x) {
        return null;
      }
    }
  }

  static final class Time implements TimestampExtractor {
    @Override public long extract(ConsumerRecord<Object, Object> record, long partitionTime) {
      return record.value() instanceof Event e ? e.ms : record.timestamp();
    }
  }

  private record Day(String text, long ms) {}
  private static volatile Day day = new Day("", 0);

  /** 2026-11-01T01:00:00.000Z; the day is looked up again only when it changes. */
  private static long millis(String s) {
    Day d = day;
    if (!s.startsWith(d.text) || d.text.isEmpty()) {
      d = new Day(s.substring(0, 10), LocalDate.parse(s.substring(0, 10)).toEpochDay() * 86_400_000L);
      day = d;
    }
    return d.ms + two(s, 11) * 3_600_000L + two(s, 14) * 60_000L + two(s, 17) * 1_000L + (s.charAt(20) - '0') * 100 + two(s, 21);
  }

  private static int two(String s, int i) { return (s.charAt(i) - '0') * 10 + s.charAt(i + 1) - '0'; }
}
