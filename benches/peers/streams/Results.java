import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/** The sink: the latest value of each key; and at the end, what OpsBench compares. */
final class Results {
  /** Additions to aggregates (DSL), or records processed (Processor API). */
  static final LongAdder AGGREGATED = new LongAdder();

  private static final ConcurrentHashMap<String, Sum> LATEST = new ConcurrentHashMap<>();

  /** Keys are `result|group|group`, and `#task` where each task holds a part. */
  static void put(String key, Sum sum) { LATEST.put(key, sum); }

  /** `opsbench results` and its fields; see src/peers.rs of OpsBench. */
  static String json() {
    Map<String, Sum> totals = new TreeMap<>();
    Map<String, Long> checks = new TreeMap<>();
    LATEST.forEach((key, sum) -> {
      String[] parts = key.split("#")[0].split("\\|");
      Sum total = totals.computeIfAbsent(parts[0], name -> new Sum());
      total.n += sum.n;
      total.sum += sum.sum;
      long factor = switch (parts[0]) {
        case "picks", "mispicks" -> Long.parseLong(parts[1]) % 1009 * number(parts[2]);
        case "orders" -> 10 * number(parts[1]) + number(parts[2]);
        default -> 0;
      };
      checks.merge(parts[0], sum.n * factor, Long::sum);
    });
    StringBuilder json = new StringBuilder("{");
    totals.forEach((name, total) -> {
      switch (name) {
        case "picks", "mispicks", "orders" -> {
          field(json, name, total.n);
          field(json, name + "_check", checks.get(name));
          if (name.equals("orders")) field(json, "amount", total.sum);
        }
        case "pick" -> field(json, "pick_mean", total.sum / total.n);
        default -> {
          field(json, name + "_n", total.n);
          field(json, name + "_mean", total.sum / total.n);
        }
      }
    });
    return json.append("}").toString();
  }

  private static long number(String member) { return Long.parseLong(member.substring(3)); }

  private static void field(StringBuilder json, String name, Object value) {
    if (json.length() > 1) json.append(',');
    json.append('"').append(name).append("\":").append(value);
  }
}
