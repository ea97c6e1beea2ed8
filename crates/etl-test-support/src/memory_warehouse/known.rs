//! What is known of a match, by table.

use domain::{MatchId, MatchSummary, PlayerLine};
use etl_application::Answer;
use etl_application::ports::KnownMatch;

use super::State;

/// Each row of a match, with what its table holds and nothing else.
pub(super) fn of(state: &State, id: MatchId) -> Vec<KnownMatch> {
    let mut known = Vec::new();
    if let Some(answer) = state.players.get(&id) {
        let mut row = row("match_players", answer, players);
        row.source.clear();
        known.push(row);
    }
    if let Some(answer) = state.positions.get(&id) {
        let mut row = row("match_positions", answer, positions);
        row.source.clear();
        known.push(row);
    }
    let rank = state.ranks.get(&id);
    known.extend(rank.map(|answer| row("match_ranks", answer, rank_alone)));
    known.extend(
        state
            .sources_of(id)
            .map(|answer| row("match_sources", answer, rest)),
    );
    let core = state.matches.get(&id);
    known.extend(core.map(|answer| row("matches", answer, core_alone)));
    known
}

fn row(
    table: &'static str,
    answer: &Answer,
    held: fn(&MatchSummary) -> MatchSummary,
) -> KnownMatch {
    KnownMatch {
        table,
        source: answer.source.to_string(),
        version: answer.version,
        summary: held(&answer.summary),
    }
}

fn bare(summary: &MatchSummary) -> MatchSummary {
    MatchSummary::new(summary.match_id, summary.start_time)
}

/// Each line says whether its player won, and so who won.
fn players(summary: &MatchSummary) -> MatchSummary {
    let mut players = summary.players.clone();
    players.sort_by_key(|line| line.slot);
    for line in &mut players {
        (line.lane, line.position) = (None, None);
    }
    MatchSummary {
        players,
        radiant_win: summary.radiant_win,
        ..bare(summary)
    }
}

fn positions(summary: &MatchSummary) -> MatchSummary {
    let mut players = summary.players.clone();
    players.sort_by_key(|line| line.slot);
    let players = players.into_iter().map(|line| PlayerLine {
        lane: line.lane,
        position: line.position,
        ..PlayerLine::new(line.slot)
    });
    MatchSummary {
        players: players.collect(),
        ..bare(summary)
    }
}

fn rank_alone(summary: &MatchSummary) -> MatchSummary {
    MatchSummary {
        avg_rank_tier: summary.avg_rank_tier,
        num_rank_tier: summary.num_rank_tier,
        ..bare(summary)
    }
}

fn rest(summary: &MatchSummary) -> MatchSummary {
    MatchSummary {
        match_seq_num: summary.match_seq_num,
        cluster: summary.cluster,
        league_id: summary.league_id,
        human_players: summary.human_players,
        ..bare(summary)
    }
}

fn core_alone(summary: &MatchSummary) -> MatchSummary {
    MatchSummary {
        duration_seconds: summary.duration_seconds,
        radiant_win: summary.radiant_win,
        lobby_type: summary.lobby_type,
        game_mode: summary.game_mode,
        radiant: summary.radiant,
        dire: summary.dire,
        ..bare(summary)
    }
}
