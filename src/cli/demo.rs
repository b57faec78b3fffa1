//! `krscore demo`: everything on one machine with nothing installed, until Ctrl-C; nothing is left behind.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::value_parser;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::run::block_on;
use super::{Failure, print};
use crate::aggregate::budget::Budgets;
use crate::book::{self, SourceFile};
use crate::clock;
use crate::demo::{
    Company, Feed, FeedProgress, PARTITIONS, SAMPLE_BOOK, Setting, TOPICS, WEEKS_MAX, check_ins, moved_book,
};
use crate::expose::Readers;
use crate::score::Status;
use crate::service::{self, LoadedBook, Running};
use crate::settings::{BookReload, Http, KafkaSettings, Log, LogFormat, Settings, Store as StoreSettings};
use crate::store::{OpenMode, Store, StoreOptions};
use crate::telemetry;
use crate::time::{Span, Timestamp, Zone};

/// The service's own port; a free one where it is taken.
const PORT_DEFAULT: u16 = 9464;

/// More events a second than this are no company of that size any more.
const RATE_MAX: f64 = 1_000.0;

/// Time between commits: what is unread is known by them, so the history loads faster than with the service's own second.
const COMMIT_INTERVAL: Span = Span(400_000);

/// How often progress is shown.
const SHOW_INTERVAL: Duration = Duration::from_millis(250);

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Which company: the same seed makes the same one
    #[arg(long, default_value_t = 11)]
    seed: u64,
    /// Weeks of history; the quarter began that long ago
    #[arg(long, default_value_t = 6, value_parser = value_parser!(u32).range(1..=i64::from(WEEKS_MAX)))]
    weeks: u32,
    /// Events a second once the history is loaded
    #[arg(long, default_value_t = 3.0)]
    rate: f64,
    /// Where page, /metrics and API are served; default: 127.0.0.1:9464, or a free port where that is taken
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// End as soon as the history is loaded and scored
    #[arg(long)]
    once: bool,
    /// Print the sample book, and do nothing else
    #[arg(long)]
    book: bool,
    /// What is logged on stderr: error, warn, info, debug, or per module
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    log: String,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    if arguments.book {
        return print(SAMPLE_BOOK);
    }
    if !(arguments.rate > 0.0 && arguments.rate <= RATE_MAX) {
        return Err(Failure::Usage(format!("--rate {}: write a number above 0, up to {RATE_MAX}", arguments.rate)));
    }
    let log = Log { format: LogFormat::Text, level: arguments.log.clone() };
    telemetry::start(&log).map_err(|fault| Failure::Usage(fault.replace("settings: log.level", "--log")))?;
    let now = clock::now();
    let outside = || Failure::Because("this machine's clock stands where no calendar goes".to_owned());
    let (setting, zone) = Setting::at(now, arguments.weeks, arguments.seed).ok_or_else(outside)?;
    let text = moved_book(zone.date_of(setting.start), zone.date_of(setting.peak())).ok_or_else(outside)?;
    let cluster = cluster()?;
    block_on(async {
        // Before anything is put on disk: what ends the process from here on removes it.
        let mut signals = Signals::listen()?;
        let folder = Folder::create()?;
        let stage =
            Stage { folder: &folder, brokers: cluster.bootstrap_servers(), setting, zone, now, arguments: &arguments };
        let done = stage.play(&text, &mut signals).await;
        folder.remove()?;
        done
    })
}

/// The in-process Kafka with the company's topics.
fn cluster() -> Result<MockCluster<'static, DefaultProducerContext>, Failure> {
    let wrong = |error| Failure::Because(format!("the in-process kafka cannot start: {error}"));
    let cluster = MockCluster::new(1).map_err(wrong)?;
    for topic in TOPICS {
        cluster.create_topic(topic, PARTITIONS, 1).map_err(wrong)?;
    }
    Ok(cluster)
}

/// All that a run of the demo stands on.
struct Stage<'a> {
    folder: &'a Folder,
    brokers: String,
    setting: Setting,
    zone: Zone,
    now: Timestamp,
    arguments: &'a Arguments,
}

impl Stage<'_> {
    async fn play(self, text: &str, signals: &mut Signals) -> Result<(), Failure> {
        let book_path = self.folder.path.join("book.yaml");
        std::fs::write(&book_path, text)
            .map_err(|error| Failure::Because(format!("{}: {error}", book_path.display())))?;
        let sources = [SourceFile { name: book_path.display().to_string(), text: text.to_owned() }];
        let loaded =
            LoadedBook::of(&sources).map_err(|faults| Failure::Because(book::render(&faults, &sources, false)))?;
        let settings = self.settings(&book_path);
        self.check_in(&settings.store.url).await?;
        let mut running = service::start(settings, loaded, None).await.map_err(Failure::because)?;
        print(&self.places(running.address, &book_path))?;
        let company = Company::new(self.setting, self.zone.clone());
        let when = (self.now, self.arguments.rate);
        let feed = Feed::start(company, &self.brokers, running.readers.clone(), when).map_err(Failure::Because)?;
        let shown = self.watch(&mut running, &feed, signals).await;
        // A second signal does not wait for anything but the folder.
        let (path, mut signals) = (self.folder.path.clone(), std::mem::take(signals));
        let impatient = tokio::spawn(async move {
            signals.next().await;
            // Nothing is left to tell it to.
            let _ = std::fs::remove_dir_all(path);
            std::process::exit(1);
        });
        running.stop();
        let fed = tokio::task::spawn_blocking(move || feed.stop()).await.map_err(Failure::because)?;
        let ended = match shown? {
            Watched::ServiceEnded => Ok(()),
            Watched::Enough => running.finished().await.map_err(Failure::because),
        };
        impatient.abort();
        ended.and(fed.map_err(Failure::Because))
    }

    fn settings(&self, book_path: &Path) -> Settings {
        let listen = self.arguments.listen.unwrap_or_else(|| {
            // Taken by an earlier demo, or by the real service: its port is not worth ending for.
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, PORT_DEFAULT)).map_or(0, |_| PORT_DEFAULT);
            SocketAddr::from((Ipv4Addr::LOCALHOST, port))
        });
        Settings {
            book: book_path.to_owned(),
            book_reload: BookReload::Signal,
            kafka: KafkaSettings {
                brokers: self.brokers.clone(),
                group: "krscore-demo".to_owned(),
                properties: BTreeMap::new(),
                sasl_password: None,
                ssl_key_password: None,
            },
            state: Budgets::default(),
            store: StoreSettings {
                url: format!("sqlite://{}", self.folder.path.join("krscore.db").display()),
                password: None,
                commit_interval: COMMIT_INTERVAL,
                accept_cluster: None,
            },
            http: Http { listen, token: None },
            log: Log::default(),
        }
    }

    /// What people have said so far goes into the store before the service opens it.
    async fn check_in(&self, url: &str) -> Result<(), Failure> {
        let store = Store::open(&StoreOptions::new(url), OpenMode::Consumer).await.map_err(Failure::because)?;
        for check_in in check_ins(&self.setting, self.now) {
            store.add_check_in(&check_in).await.map_err(Failure::because)?;
        }
        store.close().await;
        Ok(())
    }

    /// Where to look.
    fn places(&self, address: SocketAddr, book_path: &Path) -> String {
        let taken = match self.arguments.listen.is_none() && address.port() != PORT_DEFAULT {
            true => format!("\n  Port {PORT_DEFAULT} is taken by another program, so a free one is used.\n"),
            false => String::new(),
        };
        let (first, last) = (self.zone.date_of(self.setting.start), self.zone.date_of(self.setting.end - Span(1)));
        let (peak, weeks) = (self.zone.date_of(self.setting.peak()), self.arguments.weeks);
        format!(
            "krscore demo: a company that sells online, {weeks} week{} into its quarter ({first} to {last}), after a sales peak on {peak}\n{taken}\n  \
             page      http://{address}/?lang=en\n  \
             网页      http://{address}/?lang=zh\n  \
             metrics   http://{address}/metrics\n  \
             scores    http://{address}/api/v1/scores\n  \
             why       http://{address}/api/v1/explain/smart-warehouse/pick-accuracy\n  \
             book      {}  (as shipped: krscore demo --book)\n\n  \
             Ctrl-C ends it and leaves nothing behind.\n\n",
            if weeks == 1 { "" } else { "s" },
            book_path.display(),
        )
    }

    /// Shows how it goes until a signal, an end by itself, or enough was seen.
    async fn watch(&self, running: &mut Running, feed: &Feed, signals: &mut Signals) -> Result<Watched, Failure> {
        let begun = Instant::now();
        let readers = running.readers.clone();
        let progress = feed.progress();
        let mut show = Show::new(self.setting.begin(), self.now);
        let mut ticks = tokio::time::interval(SHOW_INTERVAL);
        let mut loaded = false;
        loop {
            tokio::select! {
                done = running.finished() => return done.map(|()| Watched::ServiceEnded).map_err(Failure::because),
                () = signals.next() => {
                    show.end();
                    super::say("ending …");
                    return Ok(Watched::Enough);
                }
                _ = ticks.tick() => {}
            }
            if feed.is_finished() {
                return Ok(Watched::Enough);
            }
            if !loaded && progress.is_history_read() {
                loaded = true;
                show.loaded();
                let (sent, seconds) = (HumanCount(progress.sent()), begun.elapsed().as_secs_f64());
                print(&format!("  history loaded: {sent} events in {seconds:.1} s; {}\n", statuses(&readers)))?;
                if self.arguments.once {
                    return Ok(Watched::Enough);
                }
            }
            show.update(&progress, &readers);
        }
    }
}

/// Why the watching ended.
enum Watched {
    Enough,
    ServiceEnded,
}

/// How many key results have which status.
fn statuses(readers: &Readers) -> String {
    let Some(published) = readers.borrow().clone() else { return "nothing scored yet".to_owned() };
    let scores = &published.snapshot.scores;
    let all: Vec<Status> = scores.objectives.iter().flat_map(|o| &o.key_results).map(|score| score.status).collect();
    let counts = Status::ALL.into_iter().filter_map(|status| {
        let count = all.iter().filter(|known| **known == status).count();
        (count > 0).then(|| format!("{count} {}", status.as_str().replace('_', " ")))
    });
    format!("{} key results: {}", all.len(), counts.collect::<Vec<_>>().join(", "))
}

/// A bar while the history loads, then one line; on a terminal only.
struct Show {
    bar: ProgressBar,
    begin: Timestamp,
    history: Span,
    is_live: bool,
}

impl Show {
    fn new(begin: Timestamp, now: Timestamp) -> Show {
        let history = now - begin;
        let length = u64::try_from(history.0 / Span::SECOND.0).unwrap_or(1);
        let bar = match std::io::stderr().is_terminal() {
            true => ProgressBar::new(length),
            false => ProgressBar::hidden(),
        };
        Show { bar: styled(bar, "  {msg} {wide_bar} {percent} %"), begin, history, is_live: false }
    }

    fn update(&self, progress: &FeedProgress, readers: &Readers) {
        let sent = HumanCount(progress.sent());
        if self.is_live {
            self.bar.set_message(format!("live: {sent} events; {}", statuses(readers)));
            return self.bar.tick();
        }
        let loaded = progress.sent_until() - self.begin;
        let seconds = u64::try_from(loaded.0.clamp(0, self.history.0) / Span::SECOND.0).unwrap_or(0);
        self.bar.set_position(seconds);
        self.bar.set_message(format!("loading the history: {sent} events"));
    }

    fn loaded(&mut self) {
        self.is_live = true;
        self.bar.finish_and_clear();
        let spinner = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        self.bar = styled(spinner, "  {spinner} {msg}");
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    // The templates are constants of ours; should one ever be wrong, the library's own look will do.
    bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The signals that end the demo; a closed terminal is one of them.
#[derive(Default)]
struct Signals(Vec<Signal>);

impl Signals {
    fn listen() -> Result<Signals, Failure> {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        kinds.into_iter().map(signal).collect::<Result<_, _>>().map(Signals).map_err(Failure::because)
    }

    /// Waits for the next one.
    async fn next(&mut self) {
        std::future::poll_fn(|context| {
            let came = self.0.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
            if came { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }
}

/// A folder of our own, removed when the demo ends, however it does.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn create() -> Result<Folder, Failure> {
        use std::os::unix::fs::DirBuilderExt;
        let path = std::env::temp_dir().join(format!("krscore-demo-{}-{}", std::process::id(), clock::now().0));
        let made = std::fs::DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| Failure::Because(format!("no temporary folder {}: {error}", path.display())))?;
        Ok(Folder { path })
    }

    fn remove(self) -> Result<(), Failure> {
        let removed = std::fs::remove_dir_all(&self.path);
        removed.map_err(|error| Failure::Because(format!("the folder {} stays behind: {error}", self.path.display())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // After `remove` there is nothing left to remove.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
