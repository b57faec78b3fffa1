//! The consumer role over an SQLite store: a lock that the operating system holds on a file beside it, and lets go when the process dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::error::StoreError;

/// The lock; dropping it lets go. The file stays: removing it would let two processes lock two files of one name.
#[derive(Debug)]
pub(super) struct LockFile {
    _file: File,
}

/// The longest text of a holder that is shown.
const HOLDER_BYTES_MAX: u64 = 200;

impl LockFile {
    /// Takes the lock beside the database at `path`, at once or not at all.
    ///
    /// The lock is the kernel's, so a killed process frees it at once; the text in the file only says who has it.
    pub(super) fn take(store: &str, path: &Path) -> Result<LockFile, StoreError> {
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let refused = |reason: String| StoreError::Folder {
            store: store.to_owned(),
            folder: folder.display().to_string(),
            reason,
        };
        if !folder.is_dir() {
            return Err(refused("it is no folder; create it, or write another path in store.url".to_owned()));
        }
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&name)
            .map_err(|error| refused(format!("{error}; give this user the right to write there")))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse { store: store.to_owned(), holder: written_holder(&mut file) });
            }
            Err(TryLockError::Error(error)) => {
                return Err(refused(format!("{error}; the file system must support locks, so a local one")));
            }
        }
        // Only words for people: if they cannot be written, the lock still holds.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(holder().as_bytes()));
        Ok(LockFile { _file: file })
    }
}

fn written_holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(HOLDER_BYTES_MAX).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "a process that did not give its name".to_owned(),
    }
}

/// This process, as another one is told who has the role.
pub(super) fn holder() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok());
    let host = host.as_deref().map(str::trim).filter(|host| !host.is_empty()).unwrap_or("an unnamed host");
    format!("process {} on {host}", std::process::id())
}
