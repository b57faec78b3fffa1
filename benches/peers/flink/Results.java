import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What OpsBench compares, from the changelog that the print sinks wrote. */
final class Results {
  private static final Pattern ROW = Pattern.compile("(HOUR|ORDERS|MEAN)(?::\\d+)?> ([-+][IUD])\\[(.*)\\]");

  /** The fields of `opsbench results`; see src/peers.rs of OpsBench. */
  static String json(Iterable<String> rows) {
    Map<String, String[]> latest = new HashMap<>();
    for (String row : rows) {
      Matcher m = ROW.matcher(row.strip());
      if (!m.matches() || m.group(2).startsWith("-")) continue;
      String[] f = m.group(3).split(", ");
      String key = switch (m.group(1)) {
        case "HOUR" -> "hour|" + f[0] + "|" + f[1] + "|" + f[2];
        case "ORDERS" -> "orders|" + f[0] + "|" + f[1];
        default -> "mean|" + f[0];
      };
      latest.put(key, f);
    }
    Map<String, Double> fields = new HashMap<>();
    latest.forEach((key, f) -> {
      switch (key.substring(0, key.indexOf('|'))) {
        case "hour" -> {
          double n = Double.parseDouble(f[3]);
          long hour = LocalDateTime.parse(f[1].replace(' ', 'T')).toEpochSecond(ZoneOffset.UTC) / 3600;
          fields.merge(f[0], n, Double::sum);
          fields.merge(f[0] + "_check", n * (hour % 1009) * number(f[2]), Double::sum);
        }
        case "orders" -> {
          double n = Double.parseDouble(f[2]);
          fields.merge("orders", n, Double::sum);
          fields.merge("orders_check", n * (10 * number(f[0]) + number(f[1])), Double::sum);
          fields.merge("amount", Double.parseDouble(f[3]), Double::sum);
        }
        default -> {
          if (!f[0].equals("pick")) fields.put(f[0] + "_n", Double.parseDouble(f[1]));
          fields.put(f[0] + "_mean", Double.parseDouble(f[2]));
        }
      }
    });
    StringBuilder json = new StringBuilder("{");
    fields.forEach((name, value) -> json.append(json.length() > 1 ? "," : "").append('"').append(name).append("\":").append(value));
    return json.append("}").toString();
  }

  private static long number(String member) { return Long.parseLong(member.substring(3)); }
}
