//! Where records come from. It hands them on and knows nothing of what is counted, stored or shown.

pub mod file;
pub mod kafka;
