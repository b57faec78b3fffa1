import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** How many, and their sum. */
final class Sum {
  long n;
  double sum;

  Sum add(double x) { n++; sum += x; return this; }

  static final Serde<Sum> SERDE = Serdes.serdeFrom(
      (topic, s) -> ByteBuffer.allocate(16).putLong(s.n).putDouble(s.sum).array(),
      (topic, bytes) -> {
        ByteBuffer b = ByteBuffer.wrap(bytes);
        Sum s = new Sum();
        s.n = b.getLong();
        s.sum = b.getDouble();
        return s;
      });
}
