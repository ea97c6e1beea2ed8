//! `explain`: what a draft is worth, and how the sum comes about.

use std::sync::Arc;

use command_kit::{complain, say};
use domain::HeroId;
use health_kit::SystemClock;
use model_application::{
    Effect, Lineup, Mode, Skill, Slice, TermKind,
    log_odds::{log_odds, points},
    z_of,
};
use model_http_api::{Published, SliceModels};
use model_redis_adapter::RedisPublisher;
use redis_kit::ServerKeySpace;
use service_kit::exit_code::ExitCode;

use crate::{parts::REDIS_DEADLINE, settings::Settings};

/// Which draft.
#[derive(Debug, Clone, clap::Args)]
pub struct ExplainArguments {
    /// The patch, such as 7.36; without it the current one
    #[arg(long)]
    patch: Option<String>,
    /// How good the players are, such as high
    #[arg(long, default_value = "all")]
    skill: Skill,
    /// By which rules: default or turbo
    #[arg(long, default_value = "default")]
    mode: Mode,
    /// The ids of the Radiant's heroes, such as 1,2,3,4,5; fewer if they are not known yet
    #[arg(long, value_delimiter = ',')]
    radiant: Vec<u16>,
    /// The ids of the Dire's heroes
    #[arg(long, value_delimiter = ',')]
    dire: Vec<u16>,
}

/// Reads what is published, and explains.
pub(crate) async fn run(settings: &Settings, arguments: ExplainArguments) -> ExitCode {
    let keys = ServerKeySpace::new(&settings.redis, REDIS_DEADLINE);
    let publisher = Arc::new(RedisPublisher::new(Arc::new(keys), None));
    let models = Published::new(publisher, Arc::new(SystemClock));
    if let Err(error) = models.look().await {
        complain(format_args!(
            "what is published cannot be read: {error}; see REDIS_URL"
        ));
        return ExitCode::Unavailable;
    }
    let snapshot = models.snapshot();
    let Some(index) = &snapshot.index else {
        complain("nothing is published yet; `model-service run-once` does");
        return ExitCode::Unavailable;
    };
    let patch = arguments.patch.as_ref().unwrap_or(&index.current);
    let slice = Slice {
        mode: arguments.mode,
        skill: arguments.skill,
    };
    let Some(models) = snapshot.patch(patch) else {
        let known = snapshot.known().join(", ");
        complain(format_args!(
            "patch {patch} is not published; known: {known}"
        ));
        return ExitCode::Usage;
    };
    let Some(models) = models.slice(slice) else {
        complain(format_args!("{slice} of patch {patch} is not published"));
        return ExitCode::Usage;
    };
    let level = f64::from(settings.models.runs.level) / 10_000.0;
    match explained(models, &arguments.radiant, &arguments.dire, level) {
        Ok(lines) => {
            say(format_args!("{slice} of patch {patch}, run {}", models.run));
            for line in lines {
                say(line);
            }
            ExitCode::Ok
        }
        Err(error) => {
            complain(error);
            ExitCode::Usage
        }
    }
}

/// Each term with its interval, the sum, and what follows from it.
fn explained(
    models: &SliceModels,
    radiant: &[u16],
    dire: &[u16],
    level: f64,
) -> Result<Vec<String>, String> {
    let heroes = |ids: &[u16]| -> Result<Vec<HeroId>, String> {
        let hero = |&id: &u16| HeroId::try_new(id).map_err(|_| format!("{id} is no hero"));
        ids.iter().map(hero).collect()
    };
    let lineup = Lineup::try_new(&models.model.roster, &heroes(radiant)?, &heroes(dire)?);
    let lineup = lineup.map_err(|error| error.to_string())?;
    let evaluation = models.model.evaluate(&lineup);
    let mut lines = vec![line("", "log-odds", "sd", "points", "interval")];
    for term in &evaluation.terms {
        lines.push(of_term(&name(term.kind), term.effect, level));
    }
    let score = evaluation.score;
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2⁵³")]
    let (value, sd) = (
        score.value as f64 / 1000.0,
        (score.variance as f64).sqrt() / 1000.0,
    );
    let (lo, hi) = score.interval(level);
    let probability = score.probability();
    lines.push(line(
        "sum, for the Radiant",
        &format!("{value:+.3}"),
        &format!("{sd:.3}"),
        "",
        "",
    ));
    lines.push(format!(
        "averaged over what the effects may be: {:+.3}",
        log_odds(probability)
    ));
    lines.push(format!(
        "the Radiant wins {:.2} of 100 such games ({:.2} to {:.2}, level {level})",
        100.0 * probability,
        100.0 * lo,
        100.0 * hi,
    ));
    Ok(lines)
}

fn of_term(name: &str, Effect { value, sd }: Effect, level: f64) -> String {
    let (value, sd) = (f64::from(value) / 1000.0, f64::from(sd) / 1000.0);
    let reach = z_of(level) * sd;
    line(
        name,
        &format!("{value:+.3}"),
        &format!("{sd:.3}"),
        &format!("{:+.2}", points(value)),
        &format!(
            "{:+.2} … {:+.2}",
            points(value - reach),
            points(value + reach)
        ),
    )
}

fn line(name: &str, value: &str, sd: &str, pp: &str, interval: &str) -> String {
    let line = format!("{name:<44} {value:>8} {sd:>6} {pp:>7}  {interval}");
    line.trim_end().to_owned()
}

fn name(kind: TermKind) -> String {
    let hero = |hero: HeroId| {
        let known = hero.name().map(str::to_owned);
        known.unwrap_or_else(|| format!("hero_{hero}"))
    };
    match kind {
        TermKind::Side => "the Radiant's side".to_owned(),
        TermKind::Strength(one) => format!("strength of {}", hero(one)),
        TermKind::Advantage(one, other) => format!("{} against {}", hero(one), hero(other)),
        TermKind::Synergy(one, other) => format!("{} with {}", hero(one), hero(other)),
        TermKind::Personal(one) => format!("the player of {}", hero(one)),
    }
}

#[cfg(test)]
mod tests {
    use contracts::models::{AsOf, DraftModelDocument, VERSION};
    use domain::Timestamp;

    use super::*;

    fn slice() -> SliceModels {
        let document = DraftModelDocument {
            v: VERSION,
            run: "a-run".to_owned(),
            as_of: AsOf::of(Timestamp::from_unix_ms(0)),
            patch: "7.36".to_owned(),
            skill: "all".to_owned(),
            mode: "default".to_owned(),
            from: "skill_all".to_owned(),
            matches: 1,
            heroes: vec![1, 2, 3],
            side: 62,
            strength: vec![-45, 12, 3],
            advantage: vec![74, -9, 21],
            synergy: vec![5, 0, -3],
            sd_side: 3,
            sd_strength: vec![8, 8, 9],
            sd_advantage: vec![26, 40, 38],
            sd_synergy: vec![30, 31, 29],
        };
        let name = "skill_all".parse().expect("it is one");
        SliceModels::of(name, document).expect("its lists fit")
    }

    #[test]
    fn the_sum_is_explained_term_by_term() {
        let lines = explained(&slice(), &[1, 3], &[2], 0.9).expect("it is a draft");
        assert_eq!(
            lines.join("\n"),
            "                                             log-odds     sd  points  interval\n\
             the Radiant's side                             +0.062  0.003   +1.55  +1.43 … +1.67\n\
             strength of Anti-Mage                          -0.045  0.008   -1.12  -1.45 … -0.80\n\
             Anti-Mage with Bane                            +0.000  0.031   +0.00  -1.27 … +1.27\n\
             strength of Bane                               +0.003  0.009   +0.07  -0.30 … +0.45\n\
             strength of Axe                                -0.012  0.008   -0.30  -0.63 … +0.03\n\
             Anti-Mage against Axe                          +0.074  0.026   +1.85  +0.78 … +2.92\n\
             Bane against Axe                               -0.021  0.038   -0.52  -2.09 … +1.04\n\
             sum, for the Radiant                           +0.061  0.057\n\
             averaged over what the effects may be: +0.061\n\
             the Radiant wins 51.52 of 100 such games (49.16 to 53.88, level 0.9)"
        );
    }

    #[test]
    fn what_is_no_draft_is_named() {
        let check = |radiant: &[u16], dire: &[u16], said: &str| {
            let refused = explained(&slice(), radiant, dire, 0.9);
            assert_eq!(refused.expect_err("it is none"), said);
        };
        check(&[1, 2], &[2], "hero 2 is named twice");
        check(&[9], &[], "hero 9 is not among the heroes of the slice");
        check(&[0], &[], "0 is no hero");
    }
}
