import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.StatementSet;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

/** `Job FILE BROKERS`: runs the statements in a local mini-cluster up to the topics' ends, says when it begins and ends, and prints the results. */
public final class Job {
  private static final String OPTIONS = "'properties.bootstrap.servers'='%s','scan.startup.mode'='earliest-offset','scan.bounded.mode'='latest-offset',"
      + "'format'='json','json.ignore-parse-errors'='true','json.timestamp-format.standard'='ISO-8601',"
      + "'properties.max.poll.records'='10000','properties.fetch.max.bytes'='52428800','properties.max.partition.fetch.bytes'='4194304'";

  public static void main(String[] args) throws Exception {
    Configuration c = new Configuration();
    c.setString("parallelism.default", "2");
    c.setString("taskmanager.numberOfTaskSlots", "2");
    c.setString("taskmanager.memory.network.min", "256mb");
    c.setString("taskmanager.memory.network.max", "256mb");
    c.setString("taskmanager.memory.managed.size", "2gb");
    // As Flink's performance tuning guide has it: objects reused, mini-batches, local aggregation first. State on the heap, which is its fastest.
    c.setString("pipeline.object-reuse", "true");
    c.setString("state.backend.type", "hashmap");
    StreamTableEnvironment t = StreamTableEnvironment.create(StreamExecutionEnvironment.getExecutionEnvironment(c));
    t.getConfig().set("table.local-time-zone", "UTC");
    t.getConfig().set("table.exec.mini-batch.enabled", "true");
    t.getConfig().set("table.exec.mini-batch.allow-latency", "2 s");
    t.getConfig().set("table.exec.mini-batch.size", "50000");
    t.getConfig().set("table.optimizer.agg-phase-strategy", "TWO_PHASE");

    // The print sink takes System.out when it opens; its rows are kept for the comparison at the end.
    PrintStream out = System.out;
    Queue<String> rows = new ConcurrentLinkedQueue<>();
    System.setOut(new PrintStream(new Lines(rows), true, StandardCharsets.UTF_8));

    StatementSet set = t.createStatementSet();
    String sql = Files.readString(Path.of(args[0])).replaceAll("(?m)^--.*$", "").replace("OPTIONS", OPTIONS.formatted(args[1]));
    for (String statement : sql.split(";\\s*\n")) {
      if (statement.isBlank()) continue;
      if (statement.strip().startsWith("INSERT")) set.addInsertSql(statement.strip());
      else t.executeSql(statement.strip());
    }
    var done = set.execute().getJobClient().orElseThrow().getJobExecutionResult();
    while (!done.isDone() && consumed() == 0) Thread.sleep(5);
    out.println("opsbench begin");
    done.get();
    out.println("opsbench end");
    out.println("opsbench results " + Results.json(rows));
    System.in.read();
    System.exit(0);
  }

  private static double consumed() throws Exception {
    MBeanServer beans = ManagementFactory.getPlatformMBeanServer();
    double records = 0;
    for (ObjectName name : beans.queryNames(new ObjectName("kafka.consumer:type=consumer-fetch-manager-metrics,client-id=*"), null)) {
      try {
        records += ((Number) beans.getAttribute(name, "records-consumed-total")).doubleValue();
      } catch (javax.management.JMException e) {
        // A consumer that has not fetched yet has no such attribute.
      }
    }
    return records;
  }

  /** A stream that hands on whole lines. */
  private static final class Lines extends OutputStream {
    private final Queue<String> rows;
    private final StringBuilder line = new StringBuilder();

    Lines(Queue<String> rows) { this.rows = rows; }

    @Override public synchronized void write(int b) {
      if (b != '\n') {
        line.append((char) b);
        return;
      }
      rows.add(line.toString());
      line.setLength(0);
    }
  }
}
