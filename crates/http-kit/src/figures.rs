//! The figures of a service, and how they are written.

use std::fmt;

use health_kit::DurationBuckets;
use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeLabelValue, MetricEncoder, NoLabelSet},
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

/// The labels of one series: names and values.
pub type Labels<const N: usize, V = &'static str> = [(&'static str, V); N];

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
    pub fn counters<V: EncodeLabelValue, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        series: impl Iterator<Item = (Labels<N, V>, u64)>,
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
    pub fn gauges<V: EncodeLabelValue, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        series: impl Iterator<Item = (Labels<N, V>, impl EncodeGaugeValue)>,
    ) -> fmt::Result {
        let mut family = self
            .0
            .encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in series {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    /// How long something takes, in buckets.
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn histogram(&mut self, name: &str, help: &str, took: &DurationBuckets) -> fmt::Result {
        let encoder = self
            .0
            .encode_descriptor(name, help, None, MetricType::Histogram)?;
        encode_buckets(encoder, took)
    }

    /// The same, one for each set of labels.
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn histograms<'t, V: EncodeLabelValue, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        series: impl Iterator<Item = (Labels<N, V>, &'t DurationBuckets)>,
    ) -> fmt::Result {
        let mut family = self
            .0
            .encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (labels, took) in series {
            encode_buckets(family.encode_family(&labels)?, took)?;
        }
        Ok(())
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

fn encode_buckets(mut encoder: MetricEncoder<'_>, took: &DurationBuckets) -> fmt::Result {
    let buckets: Vec<_> = took.buckets().collect();
    let sum = took.sum().as_secs_f64();
    encoder.encode_histogram::<NoLabelSet>(sum, took.count(), &buckets, None)
}
