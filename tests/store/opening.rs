//! Stories of who may open a store, and of what they are told.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::Arc;

use krscore::store::{OpenMode, Store, StoreError, StoreOptions};

use crate::commits::committed;
use crate::place::{Place, chunks, key, moved};

/// The variable by which a parent asks its child to hold a store.
const HOLD: &str = "KRSCORE_TEST_HOLD";

async fn refusal(place: &Place, mode: OpenMode) -> StoreError {
    let mut options = place.options.clone();
    options.role_timeout = std::time::Duration::from_millis(300);
    Store::open(&options, mode).await.map(drop).expect_err("it is refused")
}

pub async fn a_second_consumer_is_refused_until_the_first_lets_go(place: Arc<Place>) {
    let first = place.consumer().await;
    let error = refusal(&place, OpenMode::Consumer).await;
    let StoreError::InUse { holder, .. } = &error else { panic!("{error}") };
    assert!(holder.contains(&format!("process {}", std::process::id())), "{holder}");
    assert!(error.to_string().contains("a second replica over one store is not supported yet"), "{error}");
    first.close().await;
    let second = place.consumer().await;
    drop(second);
    place.consumer().await;
}

pub fn hold_if_asked() {
    let Ok(url) = std::env::var(HOLD) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _held = runtime.block_on(async {
        let store = Store::open(&StoreOptions::new(url), OpenMode::Consumer).await.expect("a consumer opens");
        store.claim(&[key(0)]).await.expect("claims");
        committed(&store, vec![moved(&key(0), 1, None, 5, &[b"a"])]).await;
        store
    });
    println!("held");
    // Until the parent kills it, or is gone itself.
    let _ = std::io::stdin().read(&mut [0]);
}

pub async fn a_killed_consumer_frees_the_store(place: Arc<Place>) {
    let mut child = Command::new(std::env::current_exe().expect("this test's file"))
        .args(["--exact", "hold_the_store_until_killed", "--nocapture"])
        .env(HOLD, &place.options.url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child");
    let output = BufReader::new(child.stdout.take().expect("its output"));
    assert!(output.lines().map_while(Result::ok).any(|line| line.contains("held")), "the child holds the store");
    let error = refusal(&place, OpenMode::Consumer).await;
    assert!(error.to_string().contains(&format!("process {}", child.id())), "{error}");
    child.kill().expect("killed");
    child.wait().expect("dead");
    let store = place.consumer().await;
    assert_eq!(chunks(&store).await, ["0[0,5)0=a"]);
    assert_eq!(store.claim(&[key(0)]).await.expect("claims")[0].next_offset, Some(5));
}

pub async fn a_reader_opens_while_the_consumer_runs(place: Arc<Place>) {
    let store = place.consumer().await;
    store.claim(&[key(0)]).await.expect("claims");
    let reader = place.reader().await;
    committed(&store, vec![moved(&key(0), 1, None, 5, &[b"a"])]).await;
    assert_eq!(chunks(&reader).await, ["0[0,5)0=a"]);
    let said = krscore::score::CheckIn {
        objective: "o".to_owned(),
        key_result: "k".to_owned(),
        at: krscore::time::Timestamp(1),
        recorded_at: krscore::time::Timestamp(2),
        value: None,
        confidence: None,
        note: None,
        blocker: None,
        author: None,
    };
    reader.add_check_in(&said).await.expect("a reader may say something");
    assert_eq!(store.check_ins().await.expect("check-ins"), [said]);
    committed(&store, vec![moved(&key(0), 1, Some(5), 6, &[b"b"])]).await;
    reader.close().await;
    committed(&store, vec![moved(&key(0), 1, Some(6), 7, &[b"c"])]).await;
}

pub async fn a_reader_creates_and_migrates_nothing(place: Arc<Place>) {
    let error = refusal(&place, OpenMode::Reader).await.to_string();
    assert!(error.contains("krscore run"), "{error}");
    if place.postgres {
        assert!(error.contains("schema is version 0"), "{error}");
    } else {
        assert!(error.contains("there is no store"), "{error}");
        assert_eq!(std::fs::read_dir(place.folder.path()).expect("the folder").count(), 0, "no file was made");
    }
    place.consumer().await.close().await;
    place.execute("DELETE FROM krscore_migration WHERE version > 1").await;
    let error = refusal(&place, OpenMode::Reader).await;
    assert!(matches!(error, StoreError::Older { found: 1, .. }), "{error}");
}

pub async fn a_schema_from_the_future_is_refused(place: Arc<Place>) {
    place.consumer().await.close().await;
    let future = "INSERT INTO krscore_migration (version, description, success, checksum, execution_time)
                  SELECT 999, 'future', success, checksum, 0 FROM krscore_migration WHERE version = 1";
    place.execute(future).await;
    for mode in [OpenMode::Consumer, OpenMode::Reader] {
        let error = refusal(&place, mode).await;
        assert!(matches!(error, StoreError::Newer { found: 999, .. }), "{error}");
        assert!(error.to_string().ends_with("run the newer krscore that made it"), "{error}");
    }
}

pub async fn a_changed_migration_is_refused(place: Arc<Place>) {
    place.consumer().await.close().await;
    place.execute("UPDATE krscore_migration SET checksum = (SELECT checksum FROM krscore_migration WHERE version = 2) WHERE version = 1").await;
    let error = refusal(&place, OpenMode::Consumer).await;
    assert!(matches!(error, StoreError::Altered { version: 1, .. }), "{error}");
}

pub async fn what_cannot_be_opened_says_why_in_one_sentence(place: Arc<Place>) {
    let mut cases = vec![
        ("krscore.db".to_owned(), None, "store.url: there is no scheme in it; write sqlite://PATH or"),
        ("mysql://root:pw@h/d".to_owned(), None, "store.url: it begins with neither sqlite: nor postgres:"),
        ("sqlite::memory:".to_owned(), None, "a store needs a file"),
        ("sqlite://".to_owned(), None, "a store needs a file"),
    ];
    if place.postgres {
        let server: sqlx::postgres::PgConnectOptions = place.options.url.parse().expect("a URL");
        let host = format!("{}:{}", server.get_host(), server.get_port());
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let wrong = Some("wrong".to_owned());
        let database = server.get_database().expect("a database");
        cases.push((format!("postgres://krscore_pw@{host}/{database}"), wrong, "refused: "));
        cases.push((format!("postgres://krscore@127.0.0.1:{port}/{database}"), None, "cannot be reached: "));
        cases.push((
            format!("{}/no_such_database", place.server),
            None,
            "database \"no_such_database\" does not exist",
        ));
    } else {
        let folder = place.folder.path().display();
        std::fs::write(place.folder.path().join("file"), "no database, and far too short to be one").expect("a file");
        cases.push((format!("sqlite://{folder}/none/krscore.db"), None, "none: it is no folder; create it"));
        cases.push((format!("sqlite://{folder}/file/krscore.db"), None, "file: it is no folder; create it"));
        cases.push((format!("sqlite://{folder}/file"), None, "is not a database"));
        // Where nobody, not even root, may create a file.
        cases.push(("sqlite:///proc/krscore.db".to_owned(), None, "cannot write in the folder /proc: "));
    }
    for (url, password, expected) in cases {
        let options = StoreOptions { password, ..StoreOptions::new(url) };
        let error = Store::open(&options, OpenMode::Consumer).await.map(drop).expect_err("it cannot be opened");
        let text = error.to_string();
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains('\n') && !text.ends_with('.'), "{text}");
        assert_eq!(error.is_transient(), expected == "cannot be reached: ", "{text}");
    }
}

pub async fn no_password_is_ever_shown(place: Arc<Place>) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    for (url, shown) in [
        (format!("postgres://u:hush@127.0.0.1:{port}/d?sslpassword=hush"), format!("postgres://u@127.0.0.1:{port}/d")),
        (format!("postgres://u:hush@127.0.0.1:{port}x/d"), "(no store's URL)".to_owned()),
        ("hush:hush@h/d".to_owned(), "(no store's URL)".to_owned()),
    ] {
        let options = StoreOptions { password: Some("hush".to_owned()), ..StoreOptions::new(url) };
        assert_eq!(options.to_string(), shown);
        let error = Store::open(&options, OpenMode::Consumer).await.map(drop).expect_err("nobody is there");
        for text in [format!("{options:?}"), error.to_string(), format!("{error:?}")] {
            assert!(!text.contains("hush"), "{text}");
        }
    }
    let store = place.consumer().await;
    assert!(!format!("{} {store:?}", store.name()).contains(":hush@"), "{}", store.name());
}
