//! The calls that rdkafka's safe surface lacks: batches from one queue, leader epochs, the admin questions. Nothing else is unsafe.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka_sys as sys;

use super::context::Context;
use crate::event::Header;

/// The consumer's handle. Whatever is made from its pointer keeps it alive by an `Arc`.
pub(super) type Client = BaseConsumer<Context>;

/// The topic id that brokers and clients without topic ids give.
const UUID_ZERO: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// One of librdkafka's queues: of records, or of answers.
pub(super) struct Queue {
    queue: NonNull<sys::rd_kafka_queue_t>,
    client: Arc<Client>,
}

// SAFETY: librdkafka locks its queues itself and ties none to a thread.
unsafe impl Send for Queue {}

/// The pointers of a batch, kept from batch to batch for their memory. Empty between batches.
#[derive(Default)]
pub(super) struct MessageBuffer(Vec<*mut sys::rd_kafka_message_t>);

// SAFETY: the buffer holds pointers only while a `Messages` borrows it, and that one is not Send.
unsafe impl Send for MessageBuffer {}

/// A batch. Dropping it gives the messages back to librdkafka, whatever happened to the reader.
pub(super) struct Messages<'a> {
    buffer: &'a mut Vec<*mut sys::rd_kafka_message_t>,
    _queue: &'a Queue,
}

/// A record, or an error in a record's place.
#[derive(Clone, Copy)]
pub(super) struct Message<'a>(&'a sys::rd_kafka_message_t);

/// An answer to one of the admin questions.
pub(super) enum Answer {
    /// To [`Queue::ask_offsets`]: topic, partition, and the offset or why there is none.
    Offsets(Vec<(String, i32, Result<i64, String>)>),
    /// To [`Queue::ask_topics`].
    Topics(Vec<TopicAnswer>),
    /// The whole question failed.
    Failed(String),
}

/// What the broker knows of a topic.
pub(super) struct TopicAnswer {
    pub(super) name: String,
    /// Kafka's base64 of the topic's UUID; `None` where there is none.
    pub(super) id: Option<String>,
    pub(super) partitions: usize,
    pub(super) error: Option<String>,
}

impl Queue {
    pub(super) fn new(client: &Arc<Client>) -> Option<Queue> {
        // SAFETY: the client's pointer is valid while `client` is held, which the queue does.
        let queue = unsafe { sys::rd_kafka_queue_new(client.client().native_ptr()) };
        Some(Queue { queue: NonNull::new(queue)?, client: Arc::clone(client) })
    }

    fn native(&self) -> *mut sys::rd_kafka_t {
        self.client.client().native_ptr()
    }

    /// Lets the records of a partition come into this queue. Holds until the partition is unassigned.
    pub(super) fn forward(&self, topic: &CStr, partition: i32) -> bool {
        // SAFETY: both queues belong to the client that is alive; the reference to the partition's queue is given back, the forwarding
        // has its own.
        unsafe {
            let Some(source) =
                NonNull::new(sys::rd_kafka_queue_get_partition(self.native(), topic.as_ptr(), partition))
            else {
                return false;
            };
            sys::rd_kafka_queue_forward(source.as_ptr(), self.queue.as_ptr());
            sys::rd_kafka_queue_destroy(source.as_ptr());
        }
        true
    }

    /// Takes what is there, at most `max`; where nothing is, waits `timeout` for the first.
    pub(super) fn batch<'a>(&'a self, timeout: Duration, max: usize, buffer: &'a mut MessageBuffer) -> Messages<'a> {
        let messages = Messages { buffer: &mut buffer.0, _queue: self };
        messages.buffer.clear();
        self.take(Duration::ZERO, max, messages.buffer);
        // A call with a timeout would wait for all of `max` to come.
        if messages.buffer.is_empty() && !timeout.is_zero() {
            self.take(timeout, max.min(1), messages.buffer);
            if !messages.buffer.is_empty() {
                self.take(Duration::ZERO, max - 1, messages.buffer);
            }
        }
        messages
    }

    fn take(&self, timeout: Duration, max: usize, into: &mut Vec<*mut sys::rd_kafka_message_t>) {
        if max == 0 {
            return;
        }
        into.reserve(max);
        // SAFETY: `reserve` made room for `max` pointers behind the present ones; librdkafka writes `count` <= `max` of them, and only those
        // are counted in.
        unsafe {
            let free = into.as_mut_ptr().add(into.len());
            let count = sys::rd_kafka_consume_batch_queue(self.queue.as_ptr(), millis(timeout), free, max);
            into.set_len(into.len() + usize::try_from(count).unwrap_or(0).min(max));
        }
    }

    /// Asks the leaders of `partitions` for offsets: the list's offsets say which (`Beginning`, `End`, or a time in milliseconds). The answer
    /// comes into this queue. Does not wait.
    pub(super) fn ask_offsets(&self, partitions: &TopicPartitionList, read_committed: bool, timeout: Duration) {
        use sys::rd_kafka_IsolationLevel_t as Isolation;
        let options = AdminOptions::new(self, sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS, timeout);
        let isolation = if read_committed {
            Isolation::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED
        } else {
            Isolation::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED
        };
        // SAFETY: the options and the list live through the call, which copies what it keeps; the error is given back.
        unsafe {
            let error = sys::rd_kafka_AdminOptions_set_isolation_level(options.0, isolation);
            if !error.is_null() {
                sys::rd_kafka_error_destroy(error);
            }
            sys::rd_kafka_ListOffsets(self.native(), partitions.ptr(), options.0, self.queue.as_ptr());
        }
    }

    /// Asks the broker of that id what it knows of `topics`. The answer comes into this queue. Does not wait.
    pub(super) fn ask_topics(&self, topics: &[&CStr], broker: i32, timeout: Duration) {
        let options = AdminOptions::new(self, sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, timeout);
        let mut names: Vec<*const c_char> = topics.iter().map(|name| name.as_ptr()).collect();
        // SAFETY: the collection copies the names; collection and options live through the call, which copies what it keeps.
        unsafe {
            // Any broker can tell. Without this one librdkafka waits for the controller's address, and its mock cluster has no controller.
            sys::rd_kafka_AdminOptions_set_broker(options.0, broker, ptr::null_mut(), 0);
            let collection = sys::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
            sys::rd_kafka_DescribeTopics(self.native(), collection, options.0, self.queue.as_ptr());
            sys::rd_kafka_TopicCollection_destroy(collection);
        }
    }

    /// The next answer, if one comes within `timeout`.
    pub(super) fn answer(&self, timeout: Duration) -> Option<Answer> {
        // SAFETY: the queue is alive; the event is given back when `event` is dropped, after everything borrowed from it was copied.
        let event = Event(NonNull::new(unsafe { sys::rd_kafka_queue_poll(self.queue.as_ptr(), millis(timeout)) })?);
        Some(event.answer())
    }

    /// The cluster's id, if the brokers have one and tell it within `timeout`.
    pub(super) fn cluster_id(&self, timeout: Duration) -> Option<String> {
        // SAFETY: the text is librdkafka's allocation, copied and given back to its own free.
        unsafe {
            let id = sys::rd_kafka_clusterid(self.native(), millis(timeout));
            let text = text(id)?;
            sys::rd_kafka_mem_free(self.native(), id.cast());
            Some(text)
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: this is the one reference that `new` made, and the client outlives it.
        unsafe { sys::rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}

impl Messages<'_> {
    pub(super) fn len(&self) -> usize {
        self.buffer.len()
    }

    pub(super) fn message(&self, index: usize) -> Option<Message<'_>> {
        // SAFETY: librdkafka gave the pointer, and the message is destroyed by `drop`, not while it is borrowed from self.
        self.buffer.get(index).map(|message| Message(unsafe { &**message }))
    }
}

impl Drop for Messages<'_> {
    fn drop(&mut self) {
        for message in self.buffer.drain(..) {
            // SAFETY: each pointer came from librdkafka once and is given back once.
            unsafe { sys::rd_kafka_message_destroy(message) }
        }
    }
}

impl<'a> Message<'a> {
    /// Equal for two messages of a batch if they are of one topic: a message holds a reference to its topic, so the address is not reused.
    pub(super) fn topic_address(self) -> usize {
        self.0.rkt as usize
    }

    pub(super) fn topic(self) -> &'a str {
        if self.0.rkt.is_null() {
            return "";
        }
        // SAFETY: the message holds a reference to its topic, whose name does not change; Kafka's topic names are ASCII.
        unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(self.0.rkt)) }.to_str().unwrap_or("")
    }

    pub(super) fn partition(self) -> i32 {
        self.0.partition
    }

    pub(super) fn offset(self) -> i64 {
        self.0.offset
    }

    /// The error in a record's place, with librdkafka's words for it.
    pub(super) fn error(self) -> Option<(sys::RDKafkaErrorCode, String)> {
        if self.0.err as i32 == 0 {
            return None;
        }
        // SAFETY: the text belongs to the message and is copied.
        let words = unsafe { text(sys::rd_kafka_message_errstr(self.0)) }.unwrap_or_default();
        Some((self.0.err.into(), words))
    }

    /// Milliseconds since 1970; `None` in the oldest formats.
    pub(super) fn timestamp(self) -> Option<i64> {
        // SAFETY: the message is alive, and the kind of the timestamp may be left out.
        let millis = unsafe { sys::rd_kafka_message_timestamp(self.0, ptr::null_mut()) };
        (millis != -1).then_some(millis)
    }

    pub(super) fn leader_epoch(self) -> Option<i32> {
        // SAFETY: the message is alive.
        let epoch = unsafe { sys::rd_kafka_message_leader_epoch(self.0) };
        (epoch >= 0).then_some(epoch)
    }

    pub(super) fn key(self) -> Option<&'a [u8]> {
        // SAFETY: librdkafka keeps `key_len` bytes there as long as the message lives.
        unsafe { bytes(self.0.key.cast(), self.0.key_len) }
    }

    /// Appends the record's headers in order, without those whose names are no UTF-8: no book can name one.
    pub(super) fn headers(self, into: &mut Vec<Header<'a>>) {
        let mut headers = ptr::null_mut();
        // SAFETY: the message is alive; librdkafka parses its headers once and keeps them in the message, whose own they stay.
        let answer = unsafe { sys::rd_kafka_message_headers(self.0, &mut headers) };
        if answer as i32 != 0 {
            return;
        }
        for index in 0.. {
            let (mut name, mut value, mut length) = (ptr::null(), ptr::null(), 0);
            // SAFETY: the headers live as long as the message; past the last one librdkafka answers an error and writes nothing.
            let answer = unsafe { sys::rd_kafka_header_get_all(headers, index, &mut name, &mut value, &mut length) };
            if answer as i32 != 0 || name.is_null() {
                return;
            }
            // SAFETY: librdkafka ends names with a zero and keeps name and value as long as the message lives; a null value is none.
            let (name, value) = unsafe { (CStr::from_ptr::<'a>(name), bytes(value.cast(), length)) };
            into.extend(name.to_str().ok().map(|name| Header { name, value }));
        }
    }

    pub(super) fn payload(self) -> Option<&'a [u8]> {
        // SAFETY: librdkafka keeps `len` bytes there as long as the message lives.
        unsafe { bytes(self.0.payload.cast(), self.0.len) }
    }
}

/// Sets the leader epochs of `partitions`, in the order in which they were added, where one is known.
pub(super) fn set_leader_epochs(partitions: &mut TopicPartitionList, epochs: impl Iterator<Item = Option<i32>>) {
    for (index, epoch) in epochs.enumerate().take(partitions.count()) {
        if let Some(epoch) = epoch {
            // SAFETY: index < count, so the element exists; the list is borrowed mutably.
            unsafe { sys::rd_kafka_topic_partition_set_leader_epoch((*partitions.ptr()).elems.add(index), epoch) }
        }
    }
}

struct AdminOptions(*mut sys::rd_kafka_AdminOptions_t);

impl AdminOptions {
    fn new(queue: &Queue, operation: sys::rd_kafka_admin_op_t, timeout: Duration) -> AdminOptions {
        // SAFETY: the client is alive; a timeout that is refused leaves the default, and no text is asked for.
        unsafe {
            let options = sys::rd_kafka_AdminOptions_new(queue.native(), operation);
            sys::rd_kafka_AdminOptions_set_request_timeout(options, millis(timeout), ptr::null_mut(), 0);
            AdminOptions(options)
        }
    }
}

impl Drop for AdminOptions {
    fn drop(&mut self) {
        // SAFETY: made by `new`, given back once.
        unsafe { sys::rd_kafka_AdminOptions_destroy(self.0) }
    }
}

struct Event(NonNull<sys::rd_kafka_event_t>);

impl Event {
    fn answer(&self) -> Answer {
        let event = self.0.as_ptr();
        // SAFETY: the event is alive; each result is asked for only if the event is of its type, and all is copied before the event goes.
        unsafe {
            if sys::rd_kafka_event_error(event) as i32 != 0 {
                return Answer::Failed(text(sys::rd_kafka_event_error_string(event)).unwrap_or_default());
            }
            match sys::rd_kafka_event_type(event) {
                sys::RD_KAFKA_EVENT_LISTOFFSETS_RESULT => {
                    Answer::Offsets(offsets(sys::rd_kafka_event_ListOffsets_result(event)))
                }
                sys::RD_KAFKA_EVENT_DESCRIBETOPICS_RESULT => {
                    Answer::Topics(topics(sys::rd_kafka_event_DescribeTopics_result(event)))
                }
                other => Answer::Failed(format!("an event of type {other} came instead of an answer")),
            }
        }
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: it came from the queue once and is given back once.
        unsafe { sys::rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}

/// # Safety
/// `result` must be of a living event.
unsafe fn offsets(result: *const sys::rd_kafka_ListOffsets_result_t) -> Vec<(String, i32, Result<i64, String>)> {
    let mut count = 0;
    // SAFETY: librdkafka gives `count` pointers to results, each with its partition, all as long as the event lives.
    unsafe {
        let infos = sys::rd_kafka_ListOffsets_result_infos(result, &mut count);
        (0..count)
            .map(|index| {
                let partition = &*sys::rd_kafka_ListOffsetsResultInfo_topic_partition(*infos.add(index));
                let offset = match partition.err as i32 {
                    0 => Ok(partition.offset),
                    _ => Err(text(sys::rd_kafka_err2str(partition.err)).unwrap_or_default()),
                };
                (text(partition.topic).unwrap_or_default(), partition.partition, offset)
            })
            .collect()
    }
}

/// # Safety
/// `result` must be of a living event.
unsafe fn topics(result: *const sys::rd_kafka_DescribeTopics_result_t) -> Vec<TopicAnswer> {
    let mut count = 0;
    // SAFETY: librdkafka gives `count` pointers to descriptions, all as long as the event lives; what may be null is checked by `text`.
    unsafe {
        let descriptions = sys::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        (0..count)
            .map(|index| {
                let description = *descriptions.add(index);
                let mut partitions = 0;
                sys::rd_kafka_TopicDescription_partitions(description, &mut partitions);
                let error = sys::rd_kafka_TopicDescription_error(description);
                let failed = !error.is_null() && sys::rd_kafka_error_code(error) as i32 != 0;
                TopicAnswer {
                    name: text(sys::rd_kafka_TopicDescription_name(description)).unwrap_or_default(),
                    id: uuid(sys::rd_kafka_TopicDescription_topic_id(description)),
                    partitions,
                    error: failed.then(|| text(sys::rd_kafka_error_string(error)).unwrap_or_default()),
                }
            })
            .collect()
    }
}

/// # Safety
/// `uuid` must be null or live.
unsafe fn uuid(uuid: *const sys::rd_kafka_Uuid_t) -> Option<String> {
    // SAFETY: the text belongs to the UUID and is copied.
    let base64 = unsafe { if uuid.is_null() { None } else { text(sys::rd_kafka_Uuid_base64str(uuid)) } };
    base64.filter(|base64| !base64.is_empty() && base64 != UUID_ZERO)
}

/// # Safety
/// `text` must be null or a C string.
unsafe fn text(text: *const c_char) -> Option<String> {
    // SAFETY: not null, and so a C string by the caller's word.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// # Safety
/// `length` bytes must be at `start`, and live for `'a`, unless it is null.
unsafe fn bytes<'a>(start: *const u8, length: usize) -> Option<&'a [u8]> {
    // SAFETY: not null, and so `length` bytes by the caller's word.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start, length) })
}

/// A topic's name as librdkafka takes it.
pub(super) fn c_name(name: &str) -> Option<CString> {
    CString::new(name).ok()
}

fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}
