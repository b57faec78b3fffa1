"""Times scrapes of a running krscore from outside, with the standard library and kcat: see `run` beside this file."""

import argparse
import contextlib
import datetime
import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import time

PICKERS = 1_000
SCRAPES = 1_000
BACKLOG = 6_000_000  # events that are drained while scrapes are timed
# 50 members and "other", each with value and score, and about 20 series of the key result itself.
SERIES_A_KEY_RESULT = 122
FLUSH_SECONDS_MAX = 5  # for kcat to send what it holds
START_SECONDS_MAX = 120  # for krscore to listen, to be ready, and to show members

BOOK = """apiVersion: krscore/v1
cycles: [{{ id: q, start: {start}, end: {end}, timezone: UTC }}]
events:
  e: {{ topic: {topic}, time: ts, dimensions: [picker] }}
metrics:
  v: {{ type: value, event: e, value: v }}
  w: {{ type: value, event: e, value: w }}
objectives:
  - id: o
    title: o
    owner: x
    key_results:
"""
KEY_RESULT = "      - {{ id: k{number}, title: k, metric: {metric}, stat: mean, baseline: 100, target: 1, window: cycle, by: [picker] }}\n"


class Service:
    """A krscore over a topic of its own."""

    def __init__(self, arguments):
        self.topic = f"scrape-{int(time.time())}"
        repo = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
        subprocess.run([os.path.join(repo, "deploy/dev/services"), "topic", self.topic, "4"], check=True, stdout=subprocess.DEVNULL)
        folder = arguments.folder
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        today = datetime.date.today()
        book = BOOK.format(topic=self.topic, start=today - datetime.timedelta(days=30), end=today + datetime.timedelta(days=30))
        book += "".join(KEY_RESULT.format(number=number, metric="vw"[number % 2]) for number in range(round(arguments.series / SERIES_A_KEY_RESULT)))
        with open(os.path.join(folder, "book.yaml"), "w") as file:
            file.write(book)
        settings = {
            "BOOK": os.path.join(folder, "book.yaml"),
            "KAFKA__BROKERS": arguments.brokers,
            "KAFKA__GROUP": self.topic,
            "STORE__URL": f"sqlite://{folder}/krscore.db",
            "HTTP__LISTEN": "127.0.0.1:0",
        }
        environment = dict(os.environ, **{f"KRSCORE__{name}": value for name, value in settings.items()})
        self.log = os.path.join(folder, "log")
        self.producer = subprocess.Popen(
            ["kcat", "-P", "-b", arguments.brokers, "-t", self.topic, "-X", "linger.ms=5"], stdin=subprocess.PIPE
        )
        self.process = subprocess.Popen([arguments.krscore, "run"], env=environment, stderr=open(self.log, "w"), stdout=subprocess.DEVNULL)
        try:
            self.address = self.wait_for("listening", self.listening)
        except BaseException:
            self.end()
            raise

    def listening(self):
        with open(self.log) as file:
            found = re.search(r"address=\"?(127\.0\.0\.1:\d+)", file.read())
        return found and found.group(1)

    def wait_for(self, what, look):
        until = time.time() + START_SECONDS_MAX
        while not (found := look()):
            if self.process.poll() is not None:
                sys.exit(f"benches/scrape: krscore ended with {self.process.returncode} before it was {what}; see {self.log}")
            if time.time() > until:
                sys.exit(f"benches/scrape: not {what} within {START_SECONDS_MAX} s; see {self.log}")
            time.sleep(0.05)
        return found

    def connection(self):
        return http.client.HTTPConnection(self.address, timeout=30)

    def produce(self, first, count):
        at = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        pad = "x" * 180
        lines = (
            f'{{"ts":"{at}","picker":"P{n % PICKERS:04d}","v":{n % 7},"w":{n % 11},"pad":"{pad}"}}\n' for n in range(first, first + count)
        )
        self.producer.stdin.write("".join(lines).encode())
        self.producer.stdin.flush()

    def wait_ready(self):
        connection = self.connection()

        def ready():
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            answer.read()
            return answer.status == 200

        self.wait_for("ready", ready)

    def __enter__(self):
        return self

    def __exit__(self, failed, _error, _trace):
        code = self.end()
        if not failed and code != 0:
            sys.exit(f"benches/scrape: krscore ended with {code}; see {self.log}")

    def end(self):
        self.process.send_signal(signal.SIGCONT)  # A stopped one could not end.
        self.process.terminate()
        with contextlib.suppress(OSError):
            self.producer.stdin.close()  # If kcat has ended, that is no matter.
        try:
            self.producer.wait(FLUSH_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.producer.kill()
        return self.process.wait()


def scrape(connection):
    connection.request("GET", "/metrics")
    return connection.getresponse().read()


def quantile(sorted_values, share):
    return sorted_values[min(int(len(sorted_values) * share), len(sorted_values) - 1)]


def bucket_of(text, family, share):
    """The least bound of a histogram under which so large a share of its observations lies."""
    buckets = [(float(bound), int(count)) for bound, count in re.findall(rf'{family}_bucket{{le="([^"]+)"}} (\d+)', text)]
    total = buckets[-1][1]
    return next(bound for bound, count in buckets if count >= share * total), total


def watch_scrapes(service):
    service.produce(0, 20_000)
    service.wait_ready()
    connection = service.connection()

    def with_members():
        served = scrape(connection)
        return served if served.count(b"okr_key_result_member_value{") >= 51 else None

    served = service.wait_for("showing members", with_members)
    series = sum(1 for line in served.splitlines() if line and not line.startswith(b"#"))

    def measure(while_what, goes_on):
        took = []
        while len(took) < SCRAPES:
            begun = time.perf_counter()
            served = scrape(connection)
            took.append((time.perf_counter() - begun) * 1e3)
            if not goes_on(served):
                break
            time.sleep(0.002)
        took.sort()
        print(
            f"/metrics, {series} series, {while_what}, {len(took)} scrapes: "
            f"p50 {quantile(took, 0.5):.1f} ms, p99 {quantile(took, 0.99):.1f} ms"
        )

    measure("idle", lambda served: True)
    # A backlog is made first, so that it is krscore that runs at full speed and not the producer.
    service.process.send_signal(signal.SIGSTOP)
    for first in range(0, BACKLOG, 5_000):
        service.produce(first, 5_000)
    time.sleep(3)
    service.process.send_signal(signal.SIGCONT)
    lags = re.compile(rb"^krscore_consumer_lag_records\{.*\} (\d+)$", re.MULTILINE)
    told = time.time()

    def is_behind(served):
        # The broker is asked once a second how much there is.
        return time.time() < told + 2 or any(int(lag) > 0 for lag in lags.findall(served))

    measure("draining", is_behind)
    text = scrape(connection).decode()
    seconds, cuts = (float(re.search(rf"^krscore_cut_seconds_{what} (\S+)", text, re.MULTILINE).group(1)) for what in ("sum", "count"))
    bound, _ = bucket_of(text, "krscore_cut_seconds", 0.99)
    print(f"consumption stands for a commit, idle and draining: mean {seconds / cuts * 1e3:.0f} ms, p99 below {bound * 1e3:g} ms, of {cuts:.0f}")


def main():
    parser = argparse.ArgumentParser()
    for name in ("--krscore", "--brokers", "--folder"):
        parser.add_argument(name, required=True)
    parser.add_argument("--series", type=int, required=True)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with Service(arguments) as service:
        watch_scrapes(service)


main()
