//! Events from NDJSON files: a file is a partition, a line that is not blank is a record, its number from 0 the offset.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::decode::PAYLOAD_BYTES_MAX;
use crate::event::{Offset, Record};

/// How many records a batch holds at most.
const BATCH_RECORDS_MAX: usize = 1_000;

/// A batch ends early once it holds this many bytes.
const BATCH_BYTES: usize = 1 << 20;

/// What gzip files begin with.
const GZIP_MAGIC: [u8; 2] = [0x1F, 0x8B];

/// What zstd files begin with.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// What some editors put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The size of the read buffer.
const BUFFER_BYTES: usize = 1 << 20;

/// An NDJSON file, compressed or not, read batch by batch.
pub struct EventFile {
    lines: Box<dyn BufRead>,
    /// Bytes of the file itself that were read so far, for progress.
    read_bytes: Arc<AtomicU64>,
    /// The file's length; `None` for standard input.
    length_bytes: Option<u64>,
    next_offset: Offset,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// Counts what passes.
struct Counted<R> {
    inner: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.bytes.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

impl EventFile {
    /// Opens a file; gzip and zstd are known by their first bytes and unpacked, a byte order mark is passed over, `-` is standard input.
    ///
    /// # Errors
    /// What the system says of the file.
    pub fn open(path: &Path) -> io::Result<EventFile> {
        let read_bytes = Arc::new(AtomicU64::new(0));
        let mut length_bytes = None;
        let bytes: Box<dyn Read> = if path == Path::new("-") {
            Box::new(io::stdin())
        } else {
            let file = File::open(path)?;
            length_bytes = Some(file.metadata()?.len());
            Box::new(file)
        };
        let mut packed =
            BufReader::with_capacity(BUFFER_BYTES, Counted { inner: bytes, bytes: Arc::clone(&read_bytes) });
        // By what they begin with, not by their names: a renamed file would else be all dead letters, and its metrics perfect.
        let head = packed.fill_buf()?;
        let mut lines: Box<dyn BufRead> = if head.starts_with(&GZIP_MAGIC) {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, flate2::bufread::MultiGzDecoder::new(packed)))
        } else if head.starts_with(&ZSTD_MAGIC) {
            let unpacked = zstd::stream::read::Decoder::with_buffer(packed)?;
            Box::new(BufReader::with_capacity(BUFFER_BYTES, unpacked))
        } else {
            Box::new(packed)
        };
        if lines.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
            lines.consume(BYTE_ORDER_MARK.len());
        }
        Ok(EventFile { lines, read_bytes, length_bytes, next_offset: 0, bytes: Vec::new(), ends: Vec::new() })
    }

    /// The file's length in bytes, as it lies there; `None` for standard input.
    pub fn length_bytes(&self) -> Option<u64> {
        self.length_bytes
    }

    /// How many of them were read.
    pub fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }

    /// The number of the next line, and so how many records were handed on.
    pub fn next_offset(&self) -> Offset {
        self.next_offset
    }

    /// Hands the next batch to `take`; false at the end of the file.
    ///
    /// # Errors
    /// What the system or the decompressor says.
    pub fn batch(&mut self, take: impl FnOnce(&[Record<'_>])) -> io::Result<bool> {
        self.bytes.clear();
        self.ends.clear();
        while self.ends.len() < BATCH_RECORDS_MAX && self.bytes.len() < BATCH_BYTES {
            let start = self.bytes.len();
            if !self.line()? {
                break;
            }
            // White space of JSON: a line of anything else is a record, which is a dead letter as it would be from Kafka.
            if self.bytes[start..].iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')) {
                self.bytes.truncate(start);
            } else {
                self.ends.push(self.bytes.len());
            }
        }
        if self.ends.is_empty() {
            return Ok(false);
        }
        let mut start = 0;
        let mut records = Vec::with_capacity(self.ends.len());
        for end in &self.ends {
            let payload = Some(&self.bytes[start..*end]);
            records.push(Record { offset: self.next_offset, timestamp: None, key: None, payload, headers: &[] });
            self.next_offset += 1;
            start = *end;
        }
        take(&records);
        Ok(true)
    }

    /// Appends the next line without its end; false at the end of the file. Of a line longer than a record may be only so much is
    /// kept that decoding refuses it for its length.
    fn line(&mut self) -> io::Result<bool> {
        let start = self.bytes.len();
        let mut any = false;
        loop {
            let buffer = self.lines.fill_buf()?;
            if buffer.is_empty() {
                return Ok(any);
            }
            any = true;
            let end = memchr::memchr(b'\n', buffer);
            let used = end.unwrap_or(buffer.len());
            let room = (PAYLOAD_BYTES_MAX + 1).saturating_sub(self.bytes.len() - start);
            self.bytes.extend_from_slice(&buffer[..used.min(room)]);
            self.lines.consume(used + usize::from(end.is_some()));
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// What a file of these bytes gives: offset and text of each record.
    fn records(bytes: &[u8]) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("events");
        std::fs::write(&path, bytes).expect("written");
        let mut file = EventFile::open(&path).expect("opened");
        let mut found = Vec::new();
        let mut take = |records: &[Record<'_>]| {
            for record in records {
                let text = String::from_utf8_lossy(record.payload.unwrap_or_default()).into_owned();
                found.push(format!("{} {text:.9} {}", record.offset, text.len()));
            }
        };
        while file.batch(&mut take).expect("read") {}
        found
    }

    #[test]
    fn lines_are_records_however_they_are_packed() {
        let plain = b"{\"a\":1}\n\n  \n{\"a\":2}\r\n{\"a\":3}";
        let expected = ["0 {\"a\":1} 7", "1 {\"a\":2}\r 8", "2 {\"a\":3} 7"];
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(plain).expect("packed");
        let gzip = gzip.finish().expect("packed");
        let marked = [BYTE_ORDER_MARK, plain].concat();
        for (what, bytes) in [
            ("plain", plain.to_vec()),
            ("with a byte order mark", marked),
            ("gzip, whatever its name", gzip),
            ("zstd, whatever its name", zstd::encode_all(&plain[..], 1).expect("packed")),
        ] {
            assert_eq!(records(&bytes), expected, "{what}");
        }
        assert_eq!(records(b""), [""; 0]);
        assert_eq!(records(b"\n\n \t\r\n"), [""; 0]);
        assert_eq!(records(b"\x0c\n"), ["0 \u{c} 1"]);
    }

    #[test]
    fn of_a_line_that_is_too_long_only_so_much_is_kept_that_it_is_refused() {
        let long = "x".repeat(3 * PAYLOAD_BYTES_MAX);
        let kept = PAYLOAD_BYTES_MAX + 1;
        assert_eq!(records(format!("{long}\n{{}}\n").as_bytes()), [format!("0 xxxxxxxxx {kept}"), "1 {} 2".to_owned()]);
    }
}
