//! The blind service: directory of prekeys, queues, routing and metering
