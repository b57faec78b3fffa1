//! `opsbench floor`: librdkafka's batch consumer, which counts records and bytes. What any consumer through librdkafka costs at least.

use std::ptr;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka_sys as sys;
use serde_json::json;

use crate::consume::{Arguments, BEGIN, END, everything, hand_over};
use crate::failure::Failure;

/// Records of a batch at most.
const BATCH_RECORDS_MAX: usize = 1_000;

/// How long a batch is waited for: librdkafka waits so long for a whole one.
const BATCH_WAIT_MS: i32 = 20;

#[allow(unsafe_code, reason = "rdkafka's safe surface has no batches")]
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let consumer: BaseConsumer = arguments.config().create().map_err(|error| Failure::new("the consumer", error))?;
    let (partitions, expected) = everything(&consumer)?;
    println!("{BEGIN}");
    consumer.assign(&partitions).map_err(|error| Failure::new("assigning", error))?;
    let (mut records, mut bytes) = (0u64, 0usize);
    let mut batch = vec![ptr::null_mut(); BATCH_RECORDS_MAX];
    // SAFETY: the client lives longer than the queue; librdkafka writes `count` ≤ BATCH_RECORDS_MAX valid messages into `batch`, and each of
    // them is read before it is destroyed, once.
    unsafe {
        let queue = sys::rd_kafka_queue_get_consumer(consumer.client().native_ptr());
        while records < expected {
            let count = sys::rd_kafka_consume_batch_queue(queue, BATCH_WAIT_MS, batch.as_mut_ptr(), batch.len());
            for message in &batch[..usize::try_from(count).unwrap_or(0)] {
                if (**message).err == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                    records += 1;
                    bytes += (**message).len;
                }
                sys::rd_kafka_message_destroy(*message);
            }
        }
        sys::rd_kafka_queue_destroy(queue);
    }
    println!("{END}");
    hand_over(&json!({ "records": records, "bytes": bytes }));
    Ok(())
}
