//! The figures of all rounds as one table of medians, and the ratios.

use std::fmt::Write as _;

use crate::load::Measured;

/// One way's figures, a value per round.
#[derive(Debug)]
pub struct Row {
    name: &'static str,
    per_second: Vec<f64>,
    p50_ms: Vec<f64>,
    p99_ms: Vec<f64>,
    cpu_us: Vec<f64>,
    redis_us: Vec<f64>,
    resident_mb: Vec<f64>,
}

impl Row {
    pub fn new(name: &'static str) -> Self {
        let none = Vec::new;
        Self {
            name,
            per_second: none(),
            p50_ms: none(),
            p99_ms: none(),
            cpu_us: none(),
            redis_us: none(),
            resident_mb: none(),
        }
    }

    /// One round: CPU times are of all its calls together, in microseconds.
    pub fn add(&mut self, measured: &Measured, cpu_us: f64, redis_us: f64, resident_mb: f64) {
        let calls = measured.calls.max(1) as f64;
        self.per_second.push(measured.per_second());
        self.p50_ms.push(measured.quantile_ms(0.50));
        self.p99_ms.push(measured.quantile_ms(0.99));
        self.cpu_us.push(cpu_us / calls);
        self.redis_us.push(redis_us / calls);
        self.resident_mb.push(resident_mb);
    }
}

/// The table as Markdown. Ratios are medians of the rounds' own ratios, so a machine that slows down does not bend them.
pub fn render(rows: &[Row], connections: usize, rounds: usize) -> String {
    let mut out = format!(
        "tools/call, 1 KB results, {connections} keep-alive connections, {rounds} interleaved rounds, medians\n\n\
         | | calls/s | p50 ms | p99 ms | CPU µs/call | + Redis µs | RSS MB |\n|---|---|---|---|---|---|---|\n"
    );
    for row in rows {
        let _ = writeln!(
            out,
            "| {} | {:.0} | {:.2} | {:.2} | {:.1} | {:.1} | {:.0} |",
            row.name,
            median(&row.per_second),
            median(&row.p50_ms),
            median(&row.p99_ms),
            median(&row.cpu_us),
            median(&row.redis_us),
            median(&row.resident_mb),
        );
    }
    let (Some(last), Some((_, others))) = (rows.last(), rows.split_last()) else { return out };
    let _ = writeln!(out, "\n| {} ÷ | calls/s | p50 | p99 | CPU/call |\n|---|---|---|---|---|", last.name);
    for other in others {
        let _ = writeln!(
            out,
            "| {} | {:.2} | {:.2} | {:.2} | {:.2} |",
            other.name,
            ratio(&last.per_second, &other.per_second),
            ratio(&last.p50_ms, &other.p50_ms),
            ratio(&last.p99_ms, &other.p99_ms),
            ratio(&last.cpu_us, &other.cpu_us),
        );
    }
    out
}

fn ratio(ours: &[f64], theirs: &[f64]) -> f64 {
    median(&ours.iter().zip(theirs).map(|(a, b)| a / b.max(f64::MIN_POSITIVE)).collect::<Vec<_>>())
}

/// The middle one.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}
