//! The figures of a service, and how they are written.

use std::{fmt, time::Duration};

use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeGaugeValue, NoLabelSet},
    metrics::MetricType,
};

/// The figures of a service.
pub trait Metrics: Send + Sync {
    /// Writes every family, all of one moment.
    ///
    /// # Errors
    /// Those of the writer; there is nothing to be done about them.
    fn write(&self, writer: &mut Writer<'_>) -> fmt::Result;
}

/// The labels of one series.
pub type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Writes families of metrics; the encoder adds `_total` and `_info` to names.
pub struct Writer<'a>(DescriptorEncoder<'a>);

impl<'a> Writer<'a> {
    pub(crate) fn new(encoder: DescriptorEncoder<'a>) -> Self {
        Self(encoder)
    }

    /// A number that only grows; `_total` is added to its name.
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.0
            .encode_descriptor(name, help, None, MetricType::Counter)?
            .encode_counter::<NoLabelSet, _, f64>(&value, None)
    }

    /// Such numbers, one for each set of labels.
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn counters<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        series: impl Iterator<Item = (Labels<N>, u64)>,
    ) -> fmt::Result {
        let mut family = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in series {
            let mut series = family.encode_family(&labels)?;
            series.encode_counter::<NoLabelSet, _, f64>(&value, None)?;
        }
        Ok(())
    }

    /// A number that goes up and down.
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn gauge(&mut self, name: &str, help: &str, value: &impl EncodeGaugeValue) -> fmt::Result {
        self.0
            .encode_descriptor(name, help, None, MetricType::Gauge)?
            .encode_gauge(value)
    }

    /// Such numbers, one for each set of labels.
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn gauges<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        series: impl Iterator<Item = (Labels<N>, impl EncodeGaugeValue)>,
    ) -> fmt::Result {
        let mut family = self
            .0
            .encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in series {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    /// Values in buckets, each with its upper bound and how many values are in
    /// it alone; the last bound is infinite.
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn histogram(
        &mut self,
        name: &str,
        help: &str,
        buckets: &[(f64, u64)],
        sum: Duration,
    ) -> fmt::Result {
        let count = buckets.iter().map(|(_, count)| count).sum();
        self.0
            .encode_descriptor(name, help, None, MetricType::Histogram)?
            .encode_histogram::<NoLabelSet>(sum.as_secs_f64(), count, buckets, None)
    }

    /// What is true as long as the process runs; `_info` is added to its name.
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn info<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: Labels<N>,
    ) -> fmt::Result {
        self.0
            .encode_descriptor(name, help, None, MetricType::Info)?
            .encode_info(&labels)
    }
}
