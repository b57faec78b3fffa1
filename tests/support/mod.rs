//! What integration tests share: `mod support;` and go. Each test binary uses a part of it.
#![allow(dead_code, reason = "every test binary compiles all of it and uses its part")]

pub mod http;
pub mod kafka;
pub mod postgres;
pub mod prometheus;
pub mod services;
