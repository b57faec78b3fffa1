//! A disk that dies on command: SQLite's own file system (a VFS over the default one) in which the n-th change fails, alone or as the
//! last thing that the machine did. Nothing is really synced: a process that dies leaves its files as they are, only a power cut would not.
//!
//! | the fuse burns down at | then |
//! |---|---|
//! | a write, of which half may still arrive | a commit is torn in the middle; the log's checksums tell |
//! | the sync after the last write | the whole commit is in the log, and its answer is lost |
//! | a write of a checkpoint | the file is half old, half new; the log has it all |
//! | with `dies` | every later change fails, whoever still closes; files that are opened afterwards belong to the next life |
//! | without | only that one change fails: a full disk, a bad block |
//!
//! Changes are counted in the order in which SQLite makes them, which is the same for the same calls: so a seed repeats to the byte.
#![allow(unsafe_code, reason = "SQLite asks for a table of C functions")]

use std::ffi::{CString, c_char, c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use libsqlite3_sys::{
    SQLITE_IOERR_DELETE, SQLITE_IOERR_FSYNC, SQLITE_IOERR_TRUNCATE, SQLITE_IOERR_WRITE, SQLITE_OK, sqlite3_file,
    sqlite3_filename, sqlite3_initialize, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs, sqlite3_vfs_find,
    sqlite3_vfs_register, sqlite3_vfs_unregister,
};

/// How long closing may take in the connections' own threads; far more than it ever does.
const CLOSE_WAIT: Duration = Duration::from_secs(60);

/// A disk, known to SQLite by its name.
pub struct Disk {
    name: CString,
    vfs: *mut sqlite3_vfs,
    state: *mut State,
}

/// What the C functions see.
struct State {
    base: *mut sqlite3_vfs,
    changes: AtomicU64,
    /// Changes that still succeed; negative: no fuse is lit.
    fuse: AtomicI64,
    dies: AtomicBool,
    torn: AtomicBool,
    /// Files opened in an earlier life change nothing any more.
    life: AtomicU64,
    died: AtomicBool,
    open: Mutex<Open>,
    closed: Condvar,
}

/// How many files are open, and how many of them were changed, if only in vain.
#[derive(Clone, Copy, Default)]
struct Open {
    files: usize,
    changed: usize,
}

/// An open file: ours, and behind it the default VFS's.
#[repr(C)]
struct File {
    base: sqlite3_file,
    state: *const State,
    life: u64,
    changed: AtomicBool,
}

/// What becomes of a change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Arrives,
    Fails,
    ArrivesHalf,
}

impl Disk {
    /// A disk by this name; each needs its own.
    pub fn new(name: &str) -> Disk {
        // SAFETY: the default VFS lives as long as the process; ours is unregistered before its memory goes.
        unsafe {
            sqlite3_initialize();
            let base = sqlite3_vfs_find(std::ptr::null());
            let state = Box::into_raw(Box::new(State {
                base,
                changes: AtomicU64::new(0),
                fuse: AtomicI64::new(-1),
                dies: AtomicBool::new(false),
                torn: AtomicBool::new(false),
                life: AtomicU64::new(0),
                died: AtomicBool::new(false),
                open: Mutex::new(Open::default()),
                closed: Condvar::new(),
            }));
            let name = CString::new(name).expect("a name");
            let vfs = Box::into_raw(Box::new(sqlite3_vfs {
                szOsFile: (*base).szOsFile + size_of::<File>() as c_int,
                pNext: std::ptr::null_mut(),
                zName: name.as_ptr(),
                pAppData: state.cast(),
                xOpen: Some(open),
                xDelete: Some(delete),
                ..*base
            }));
            assert_eq!(sqlite3_vfs_register(vfs, 0), SQLITE_OK);
            Disk { name, vfs, state }
        }
    }

    /// The name by which a connection asks for it.
    pub fn name(&self) -> &str {
        self.name.to_str().expect("it was made of a text")
    }

    fn state(&self) -> &State {
        // SAFETY: it is freed by `drop` alone.
        unsafe { &*self.state }
    }

    /// After so many changes the next one fails; `torn`: half of what it writes arrives; `dies`: and nothing after it.
    pub fn light(&self, changes: i64, dies: bool, torn: bool) {
        self.state().dies.store(dies, SeqCst);
        self.state().torn.store(torn, SeqCst);
        self.state().fuse.store(changes, SeqCst);
    }

    /// Puts the fuse out.
    pub fn put_out(&self) {
        self.state().fuse.store(-1, SeqCst);
    }

    /// Whether it died since this was last asked.
    pub fn died(&self) -> bool {
        self.state().died.swap(false, SeqCst)
    }

    /// Changes so far.
    pub fn changes(&self) -> u64 {
        self.state().changes.load(SeqCst)
    }

    /// Waits until no file is open, or with `changed` none that was changed: connections close in threads of their own.
    pub fn wait_until_closed(&self, changed: bool) {
        let busy = |open: &mut Open| if changed { open.changed > 0 } else { open.files > 0 };
        let mut left =
            *self.state().closed.wait_timeout_while(self.state().open(), CLOSE_WAIT, busy).expect("no panic").0;
        assert!(!busy(&mut left), "{} files are still open, {} of them changed", left.files, left.changed);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.state().open().files > 0 {
            return; // A test that failed: better leaked than freed under a connection.
        }
        // SAFETY: no file is open, so nothing points at either.
        unsafe {
            sqlite3_vfs_unregister(self.vfs);
            drop(Box::from_raw(self.vfs));
            drop(Box::from_raw(self.state));
        }
    }
}

impl State {
    fn open(&self) -> MutexGuard<'_, Open> {
        // A number is right even if somebody panicked beside it.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, life: u64) -> Change {
        if life < self.life.load(SeqCst) {
            return Change::Fails;
        }
        self.changes.fetch_add(1, SeqCst);
        match self.fuse.load(SeqCst) {
            0 => {
                self.fuse.store(-1, SeqCst);
                if self.dies.load(SeqCst) {
                    self.life.fetch_add(1, SeqCst);
                    self.died.store(true, SeqCst);
                }
                if self.torn.load(SeqCst) { Change::ArrivesHalf } else { Change::Fails }
            }
            left => {
                if left > 0 {
                    self.fuse.store(left - 1, SeqCst);
                }
                Change::Arrives
            }
        }
    }
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2, // without memory mapping of the file itself
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

// SAFETY of all that follows: SQLite passes the files that `open` made, whose memory is `szOsFile` long and lives until `close`; the
// default VFS's own file lies behind ours, and its methods are there as its version says (the unix one has them all).

unsafe fn ours<'a>(file: *mut sqlite3_file) -> &'a File {
    unsafe { &*file.cast::<File>() }
}

unsafe fn inner(file: *mut sqlite3_file) -> *mut sqlite3_file {
    unsafe { file.cast::<File>().add(1).cast() }
}

unsafe fn change(file: *mut sqlite3_file) -> Change {
    unsafe {
        let ours = ours(file);
        if !ours.changed.swap(true, SeqCst) {
            (*ours.state).open().changed += 1;
        }
        (*ours.state).change(ours.life)
    }
}

/// Calls the default VFS's method on its own file.
macro_rules! pass {
    ($file:expr, $method:ident $(, $argument:expr)*) => {
        unsafe {
            let inner = inner($file);
            (*(*inner).pMethods).$method.expect("a method of the unix VFS")(inner $(, $argument)*)
        }
    };
}

unsafe extern "C" fn open(
    vfs: *mut sqlite3_vfs,
    name: sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    unsafe {
        let state = (*vfs).pAppData.cast::<State>().cast_const();
        let base = (*state).base;
        let ours = file.cast::<File>();
        let life = (*state).life.load(SeqCst);
        ours.write(File {
            base: sqlite3_file { pMethods: std::ptr::null() },
            state,
            life,
            changed: AtomicBool::new(false),
        });
        let code = (*base).xOpen.expect("a method of the unix VFS")(base, name, inner(file), flags, out);
        if !(*inner(file)).pMethods.is_null() {
            (*ours).base.pMethods = &METHODS;
            (*state).open().files += 1;
        }
        code
    }
}

unsafe extern "C" fn delete(vfs: *mut sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    unsafe {
        let state = &*(*vfs).pAppData.cast::<State>();
        // Who deletes is not said: only the last connection does, when it closes, so it is of this life.
        let life = state.life.load(SeqCst);
        match state.change(life) {
            Change::Arrives => (*state.base).xDelete.expect("a method of the unix VFS")(state.base, name, sync_folder),
            _ => SQLITE_IOERR_DELETE,
        }
    }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    let (state, changed) = unsafe { (&*ours(file).state, ours(file).changed.load(SeqCst)) };
    let code = pass!(file, xClose);
    {
        let mut open = state.open();
        open.files -= 1;
        open.changed -= usize::from(changed);
    }
    state.closed.notify_all();
    code
}

unsafe extern "C" fn read(file: *mut sqlite3_file, to: *mut c_void, bytes: c_int, at: sqlite3_int64) -> c_int {
    pass!(file, xRead, to, bytes, at)
}

unsafe extern "C" fn write(file: *mut sqlite3_file, from: *const c_void, bytes: c_int, at: sqlite3_int64) -> c_int {
    match unsafe { change(file) } {
        Change::Arrives => pass!(file, xWrite, from, bytes, at),
        Change::ArrivesHalf => {
            pass!(file, xWrite, from, bytes / 2, at);
            SQLITE_IOERR_WRITE
        }
        Change::Fails => SQLITE_IOERR_WRITE,
    }
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    match unsafe { change(file) } {
        Change::Arrives => pass!(file, xTruncate, size),
        _ => SQLITE_IOERR_TRUNCATE,
    }
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, _flags: c_int) -> c_int {
    if unsafe { change(file) } == Change::Arrives { SQLITE_OK } else { SQLITE_IOERR_FSYNC }
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, size: *mut sqlite3_int64) -> c_int {
    pass!(file, xFileSize, size)
}

unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    pass!(file, xLock, level)
}

unsafe extern "C" fn unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    pass!(file, xUnlock, level)
}

unsafe extern "C" fn check_reserved_lock(file: *mut sqlite3_file, out: *mut c_int) -> c_int {
    pass!(file, xCheckReservedLock, out)
}

unsafe extern "C" fn file_control(file: *mut sqlite3_file, operation: c_int, argument: *mut c_void) -> c_int {
    pass!(file, xFileControl, operation, argument)
}

unsafe extern "C" fn sector_size(file: *mut sqlite3_file) -> c_int {
    pass!(file, xSectorSize)
}

unsafe extern "C" fn device_characteristics(file: *mut sqlite3_file) -> c_int {
    pass!(file, xDeviceCharacteristics)
}

unsafe extern "C" fn shm_map(
    file: *mut sqlite3_file,
    region: c_int,
    bytes: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    pass!(file, xShmMap, region, bytes, extend, out)
}

unsafe extern "C" fn shm_lock(file: *mut sqlite3_file, offset: c_int, count: c_int, flags: c_int) -> c_int {
    pass!(file, xShmLock, offset, count, flags)
}

unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    pass!(file, xShmBarrier)
}

unsafe extern "C" fn shm_unmap(file: *mut sqlite3_file, delete: c_int) -> c_int {
    pass!(file, xShmUnmap, delete)
}
