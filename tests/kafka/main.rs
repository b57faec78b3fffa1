//! The consumer against librdkafka's mock cluster, and against a real broker where `KRSCORE_TEST_KAFKA` names one.

mod admin;
mod group;
mod log;
mod member;
mod mock;
