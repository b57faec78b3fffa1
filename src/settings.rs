//! Settings: `config/krscore.toml`, overridden by the environment; secrets come from files; a key nobody knows is refused.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::aggregate::budget::{Budget, Budgets};
use crate::time::Span;

/// The file that is read where none is named, if it is there.
pub const DEFAULT_FILE: &str = "config/krscore.toml";

/// The longest secret that is read, in bytes.
const SECRET_BYTES_MAX: u64 = 64 * 1_024;

/// The shortest and the longest interval between commits.
const COMMIT_INTERVAL: (Span, Span) = (Span(Span::SECOND.0 / 10), Span::MINUTE);

/// A secret: read from a file, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret's text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The secret itself, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// All settings, resolved: secrets read, intervals parsed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The book's file or folder.
    pub book: PathBuf,
    /// When the book is read again.
    pub book_reload: BookReload,
    /// Kafka's.
    pub kafka: KafkaSettings,
    /// The store's.
    pub store: Store,
    /// How much may be held in memory.
    pub state: Budgets,
    /// The HTTP server's.
    pub http: Http,
    /// The log's.
    pub log: Log,
}

/// When a running service reads its book again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BookReload {
    /// On SIGHUP.
    #[default]
    Signal,
    /// On SIGHUP, and when its files have changed.
    Watch,
}

/// How to reach Kafka and which group to be.
#[derive(Clone, Default)]
pub struct KafkaSettings {
    /// `host:port`, several separated by commas.
    pub brokers: String,
    /// The consumer group.
    pub group: String,
    /// Any of librdkafka's properties; the ones that the design depends on can only be repeated.
    pub properties: BTreeMap<String, String>,
    /// `sasl.password`, read from a file.
    pub sasl_password: Option<Secret>,
    /// `ssl.key.password`, read from a file.
    pub ssl_key_password: Option<Secret>,
}

impl fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |(name, value): (&String, &String)| {
            (name.clone(), if is_secret(name) { "(secret)".to_owned() } else { value.clone() })
        };
        f.debug_struct("KafkaSettings")
            .field("brokers", &self.brokers)
            .field("group", &self.group)
            .field("properties", &self.properties.iter().map(hidden).collect::<BTreeMap<_, _>>())
            .field("sasl_password", &self.sasl_password)
            .field("ssl_key_password", &self.ssl_key_password)
            .finish()
    }
}

/// Whether the value of this Kafka property must not be printed.
pub(crate) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "secret", "jaas", "key.pem", "oauthbearer.config", "token", "assertion.private"]
        .iter()
        .any(|part| name.contains(part))
}

/// Where state is kept.
#[derive(Clone, Debug)]
pub struct Store {
    /// `sqlite://…` or `postgres://…`.
    pub url: String,
    /// PostgreSQL's password.
    pub password: Option<Secret>,
    /// Time between commits.
    pub commit_interval: Span,
    /// A Kafka cluster's id that may be read although the store holds another's facts.
    pub accept_cluster: Option<String>,
}

/// Where readers connect.
#[derive(Clone, Debug)]
pub struct Http {
    /// Address and port.
    pub listen: SocketAddr,
    /// The token that writing needs.
    pub token: Option<Secret>,
}

/// How the log is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Text or JSON.
    pub format: LogFormat,
    /// A level, or levels per module.
    pub level: String,
}

impl Default for Log {
    fn default() -> Log {
        Log { format: LogFormat::Text, level: "info".to_owned() }
    }
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// What the file and the environment may hold, as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    book: PathBuf,
    #[serde(default)]
    book_reload: BookReload,
    kafka: WrittenKafka,
    store: WrittenStore,
    #[serde(default)]
    state: BTreeMap<String, i64>,
    http: WrittenHttp,
    #[serde(default)]
    log: Log,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKafka {
    brokers: String,
    group: String,
    #[serde(default)]
    properties: BTreeMap<String, String>,
    sasl_password_file: Option<PathBuf>,
    ssl_key_password_file: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenStore {
    url: String,
    password_file: Option<PathBuf>,
    commit_interval: String,
    accept_cluster: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHttp {
    listen: String,
    token_file: Option<PathBuf>,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file or the environment cannot be read as settings.
    #[error("settings: {0}")]
    Unreadable(#[from] config::ConfigError),
    /// A value is wrong.
    #[error("settings: {key}: {reason}")]
    Wrong {
        /// The key, as `section.key`.
        key: String,
        /// What is wrong and how to mend it.
        reason: String,
    },
}

/// Reads settings: defaults, then `file` (or [`DEFAULT_FILE`] if it is there), then the environment given as (name, value) pairs.
///
/// # Errors
/// A named file that is not there, unreadable TOML, unknown keys, wrong values, secret files that cannot be read.
pub fn read(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Settings, SettingsError> {
    let source = match file {
        Some(path) => config::File::from(path).format(config::FileFormat::Toml).required(true),
        None => config::File::new(DEFAULT_FILE, config::FileFormat::Toml).required(false),
    };
    let mut properties = BTreeMap::new();
    let mut variables = std::collections::HashMap::new();
    for (name, value) in environment {
        match name.strip_prefix("KRSCORE__KAFKA__PROPERTIES__") {
            Some(property) => _ = properties.insert(property.to_lowercase().replace('_', "."), value),
            None => _ = variables.insert(name, value),
        }
    }
    let environment = config::Environment::with_prefix("KRSCORE").prefix_separator("__").separator("__");
    let built = config::Config::builder()
        .set_default("book", "config/book.yaml")?
        .set_default("kafka.brokers", "127.0.0.1:9092")?
        .set_default("kafka.group", "krscore")?
        .set_default("store.url", "sqlite://krscore.db")?
        .set_default("store.commit_interval", "1s")?
        .set_default("http.listen", "127.0.0.1:9464")?
        .add_source(source)
        .add_source(environment.source(Some(variables)))
        .build()?;
    let mut written: Written = built.try_deserialize()?;
    written.kafka.properties.extend(properties);
    resolve(written)
}

fn resolve(written: Written) -> Result<Settings, SettingsError> {
    let wrong = |key: &str, reason| SettingsError::Wrong { key: key.to_owned(), reason };
    let commit_interval = Span::parse(&written.store.commit_interval)
        .map_err(|error| wrong("store.commit_interval", error.to_string()))?;
    if commit_interval < COMMIT_INTERVAL.0 || commit_interval > COMMIT_INTERVAL.1 {
        return Err(wrong("store.commit_interval", "must be from 100ms to 1m".to_owned()));
    }
    let listen = written.http.listen.parse().map_err(|_| {
        let reason = format!("\"{}\" is no address and port, such as 127.0.0.1:9464", written.http.listen);
        wrong("http.listen", reason)
    })?;
    Ok(Settings {
        book: written.book,
        book_reload: written.book_reload,
        kafka: KafkaSettings {
            brokers: written.kafka.brokers,
            group: written.kafka.group,
            properties: written.kafka.properties,
            sasl_password: secret("kafka.sasl_password_file", written.kafka.sasl_password_file)?,
            ssl_key_password: secret("kafka.ssl_key_password_file", written.kafka.ssl_key_password_file)?,
        },
        state: budgets(&written.state)?,
        store: Store {
            url: written.store.url,
            password: secret("store.password_file", written.store.password_file)?,
            commit_interval,
            accept_cluster: written.store.accept_cluster,
        },
        http: Http { listen, token: secret("http.token_file", written.http.token_file)? },
        log: written.log,
    })
}

/// The budgets: what is not written is as it is by default.
fn budgets(written: &BTreeMap<String, i64>) -> Result<Budgets, SettingsError> {
    let mut budgets = Budgets::default();
    for (key, value) in written {
        let wrong = |reason| SettingsError::Wrong { key: format!("state.{key}"), reason };
        let Some(budget) = Budget::ALL.into_iter().find(|budget| budget.as_str() == key) else {
            let known = Budget::ALL.map(Budget::as_str).join(", ");
            return Err(wrong(format!("there is no such budget; they are {known}")));
        };
        let limit = usize::try_from(*value).ok().filter(|limit| *limit > 0);
        *budget.limit_mut(&mut budgets) =
            limit.ok_or_else(|| wrong(format!("{value} {} is no budget, write 1 or more", budget.noun())))?;
    }
    Ok(budgets)
}

/// The first line of a secret's file.
fn secret(key: &str, file: Option<PathBuf>) -> Result<Option<Secret>, SettingsError> {
    let Some(path) = file else { return Ok(None) };
    let wrong =
        |reason: String| SettingsError::Wrong { key: key.to_owned(), reason: format!("{}: {reason}", path.display()) };
    let length = std::fs::metadata(&path).map_err(|error| wrong(error.to_string()))?.len();
    if length > SECRET_BYTES_MAX {
        return Err(wrong(format!("holds more than {SECRET_BYTES_MAX} bytes, which is no secret")));
    }
    let text = std::fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
    let line = text.lines().next().unwrap_or_default().trim_end();
    if line.is_empty() {
        return Err(wrong("its first line is empty, the secret belongs there".to_owned()));
    }
    Ok(Some(Secret::new(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, environment: &[(&str, &str)]) -> Result<Settings, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let file = folder.path().join("krscore.toml");
        std::fs::write(&file, text.replace("DIR", &folder.path().display().to_string())).map_err(|e| e.to_string())?;
        std::fs::write(folder.path().join("secret"), "s3cret\n").map_err(|e| e.to_string())?;
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        read(Some(&file), environment).map_err(|error| error.to_string())
    }

    #[test]
    fn the_commented_file_is_the_defaults() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(DEFAULT_FILE);
        let settings = read(Some(&file), std::iter::empty()).expect("the shipped file is valid");
        let empty = with("", &[]).expect("no settings are valid settings");
        assert_eq!(format!("{settings:?}"), format!("{empty:?}"));
    }

    #[test]
    fn the_environment_overrides_and_underscores_are_dots_in_kafka_properties() {
        let environment = [
            ("KRSCORE__KAFKA__BROKERS", "a:1,b:2"),
            ("KRSCORE__KAFKA__PROPERTIES__SECURITY_PROTOCOL", "SASL_SSL"),
            ("KRSCORE__STORE__COMMIT_INTERVAL", "250ms"),
            ("KRSCORE__LOG__FORMAT", "json"),
            ("KRSCORE__STATE__PAIRS_MAX", "12345"),
        ];
        let text = "[kafka]\ngroup = 'g'\n[kafka.properties]\n\"sasl.mechanism\" = 'PLAIN'\n";
        let settings = with(text, &environment).expect("valid");
        assert_eq!(settings.kafka.brokers, "a:1,b:2");
        assert_eq!(settings.kafka.group, "g");
        let properties: Vec<_> = settings.kafka.properties.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(properties, ["sasl.mechanism=PLAIN", "security.protocol=SASL_SSL"]);
        assert_eq!(settings.store.commit_interval, Span(250_000));
        assert_eq!(settings.log.format, LogFormat::Json);
        assert_eq!(settings.state, Budgets { pairs_max: 12_345, ..Budgets::default() });
    }

    #[test]
    fn secrets_come_from_files_and_are_never_printed() {
        let settings = with("[http]\ntoken_file = 'DIR/secret'\n", &[]).expect("valid");
        assert_eq!(settings.http.token.as_ref().map(Secret::expose), Some("s3cret"));
        assert!(!format!("{settings:?}").contains("s3cret"));
        let text =
            "[kafka.properties]\n'ssl.key.pem' = 'hunter2'\n'sasl.password' = 'hunter2'\n'sasl.username' = 'me'\n";
        let printed = format!("{:?}", with(text, &[]).expect("valid"));
        assert!(!printed.contains("hunter2") && printed.contains("me"), "{printed}");
    }

    #[test]
    fn wrong_settings_say_what_and_where() {
        for (text, expected) in [
            ("bok = 'x'\n", "bok"),
            ("[kafka]\nbroker = 'x'\n", "broker"),
            ("[http]\nlisten = 'nowhere'\n", "http.listen"),
            ("[store]\ncommit_interval = '1h'\n", "from 100ms to 1m"),
            ("[http]\ntoken_file = 'DIR/none'\n", "DIR/none".trim_start_matches("DIR")),
            ("[log]\nformat = 'xml'\n", "xml"),
            ("book_reload = 'never'\n", "never"),
            ("[state]\npair_max = 5\n", "state.pair_max: there is no such budget; they are pairs_max, distinct_max"),
            ("[state]\npairs_max = 0\n", "state.pairs_max: 0 pairs is no budget, write 1 or more"),
            ("[state]\nmembers_max = 'many'\n", "members_max"),
        ] {
            let error = with(text, &[]).expect_err(text);
            assert!(error.contains(expected), "{text:?} gave {error:?}, which does not say {expected:?}");
        }
    }
}
