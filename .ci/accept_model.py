#!/usr/bin/env python3
"""Judges `model-service estimate` by matches, and games of accounts, whose truth is known.

Takes the generator, a Python file with the functions `world`, `counts`, `marginal`, `score`, `draw_drafts`,
`counterpick`, `judge_pairs`, `judge_draft` and `judge_suggestions`, and has it draw worlds and matches, estimate them by
its own reference, and judge both estimates. For accounts it has `cmd_players` draw a world, up to where that calls
`personal_priors` and `personal`, its own reference. Prints each figure beside the reference's and its bounds, and ends with 1
when one is missed: the mean over the seeds must keep within the bounds, each seed within twice their margin. A seed may
miss by as much as the reference itself misses on the same drafts. Needs numpy.

    accept_model.py GENERATOR [--binary FILE] [--worlds 100k,1M,…,10M,accounts,accounts alike] [--seeds 1-6]
"""
import argparse, csv, importlib.util, json, subprocess, sys, tempfile, time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

INF = float("inf")
DEFAULT = dict(hero_sd=0.084, matchup_sd=0.054, synergy_sd=0.040, rest_sd=0.0, counterpick=0.0)
NULL = dict(matchup_sd=1e-9, synergy_sd=1e-9)
# name of the world: matches, what is unlike the default, seeds (None: those asked for), rows of figure: reference, from, to
PLAIN = ("advantage rmse", "synergy rmse", "strength rmse", "cover95 against", "cover95 with", "matchup sd / true",
         "captured", "ece", "slope", "regret pp", "Dotabuff / ours")


def rows(*figures):
    return dict(zip(PLAIN, figures))


WORLDS = {
    "100k": (100_000, {}, None, rows(
        (1.198, 0, 1.25), (0.946, 0, 0.99), (0.532, 0, 0.57), (0.923, 0.88, 0.98), (0.961, 0.88, 0.98), (0.93, 0.80, 1.15),
        (0.495, 0.475, INF), (0.0030, 0, 0.006), (0.98, 0.90, 1.08), (3.93, 0, 4.3), (2.24, 2.1, INF))),
    "1M": (1_000_000, {}, None, rows(
        (0.739, 0, 0.775), (0.690, 0, 0.725), (0.182, 0, 0.20), (0.949, 0.93, 0.97), (0.950, 0.93, 0.97), (0.996, 0.95, 1.05),
        (0.788, 0.77, INF), (0.0008, 0, 0.002), (1.001, 0.97, 1.03), (1.58, 0, 1.75), (1.177, 1.12, INF))),
    "10M": (10_000_000, {}, [7], rows(
        (0.295, 0, 0.31), (0.313, 0, 0.33), (0.092, 0, 0.105), (0.947, 0.93, 0.97), (0.947, 0.93, 0.97), (1.00, 0.97, 1.03),
        (0.962, 0.955, INF), (0.0004, 0, 0.001), (0.999, 0.985, 1.015), (0.33, 0, 0.40), (1.115, 1.06, INF))),
    "null 100k": (100_000, NULL, None, {"matchup sd": (0.013, 0, 0.02), "synergy sd": (0.013, 0, 0.02), "away from 0": (0, 0, 0.01),
                                        "captured by pairs": (0, -0.005, 0.005)}),
    "null 1M": (1_000_000, NULL, None, {"matchup sd": (0.004, 0, 0.007), "synergy sd": (0.004, 0, 0.007), "away from 0": (0, 0, 0.01),
                                        "captured by pairs": (0, -0.005, 0.005)}),
    "counterpick": (1_000_000, dict(counterpick=0.6), None, {"captured": (0.789, 0.77, INF), "cover95 against": (0.948, 0.93, 1)}),
    "players": (1_000_000, dict(rest_sd=0.7), None, {"captured": (0.770, 0.75, INF), "cover95 against": (0.944, 0.92, 1)}),
}

# classes of games of an account on a hero; what each of them must keep to
CLASSES = {"1-4": (1, 4), "5-19": (5, 19), "20-49": (20, 49), "50-199": (50, 199)}
OF_CLASS = {"cover95": (0.948, 0.93, 0.965), "rmse / reference": (1, 0, 1.03), "rmse / +10 games": (1, 0, 1), "rmse / nothing": (1, 0, 1)}
# name of the world: what is unlike the default, rows as above
ACCOUNTS = {
    "accounts": ({}, {
        "account sd / true": (0.98, 0.92, 1.08), "hero sd / true": (1.0, 0.92, 1.08),
        **{f"{figure}, {games}": bounds for games in CLASSES for figure, bounds in OF_CLASS.items()},
        "gain of the named hero": (3.1, 2.8, INF), "gain by own win rate": (1.3, 0, INF)}),
    "accounts alike": (dict(hero_skill_sd=0.0), {"largest personal part": (0.74, 0, 1.5)}),
}


def load(path):
    spec = importlib.util.spec_from_file_location("generator", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_drafts(path, drafts, won):
    with open(path, "w", newline="") as out:
        lines = csv.writer(out, lineterminator="\n")
        lines.writerow(["match_id", "radiant_win"] + [f"r{i}" for i in range(1, 6)] + [f"d{i}" for i in range(1, 6)])
        for a in range(0, drafts.shape[1], 100_000):
            heroes = (drafts[:, a:a + 100_000].astype(int) + 1).tolist()
            lines.writerows(zip(range(a, a + len(heroes[0])), won[a:a + 100_000].astype(int).tolist(), *heroes))


def estimate(binary, folder, drafts, won):
    matches, out = folder / "drafts.csv", folder / "estimates.json"
    write_drafts(matches, drafts, won)
    begun = time.time()
    subprocess.run([binary, "estimate", "--matches", matches, "--out", out], check=True, stdout=subprocess.DEVNULL)
    e = json.load(open(out))
    return {"side": e["side"], "h": np.array(e["hero"]), "A": np.array(e["matchup"]), "A_sd": np.array(e["matchup_sd"]),
            "S": np.array(e["synergy"]), "S_sd": np.array(e["synergy_sd"]), "tau_A": e["prior_sd"]["advantage"],
            "tau_S": e["prior_sd"]["synergy"]}, time.time() - begun


def judge(gen, args, truth, counted, test, e, suggest):
    """Every figure of one estimate, in win-rate points where a unit is needed."""
    flat = gen.flattening(args.rest_sd ** 2)  # what can be known is averaged over the players
    A, S, h = truth.A * flat, truth.S * flat, truth.h * flat
    against = gen.judge_pairs(e["A"], A, counted["gv"], e["A_sd"])
    with_ = gen.judge_pairs(e["S"], S, counted["gw"], e["S_sd"])
    w = np.where(counted["gv"] > 0, counted["wv"] / np.maximum(counted["gv"], 1), 0.5)
    wr = counted["wh"] / np.maximum(counted["gh"], 1)
    dotabuff = (w - (wr[:, None] + 0.5 - wr[None, :])) * 4
    np.fill_diagonal(dotabuff, 0.0)
    iu = np.triu_indices(len(h), 1)
    error = e["h"] - h
    error = error - (truth.q * error).sum()
    none = np.zeros_like(A)
    true_eta = truth.eta(test) * flat
    constant = np.full(len(true_eta), gen.logit(counted["radiant"]))
    full = gen.judge_draft(true_eta, gen.score(test, e["side"], e["h"], e["A"], e["S"]), constant)
    alone = gen.judge_draft(true_eta, gen.score(test, e["side"], e["h"], none, none), constant)
    found = {
        "advantage rmse": against["rmse"], "synergy rmse": with_["rmse"],
        "strength rmse": float(25 * np.sqrt((truth.q * error ** 2).sum())),
        "cover95 against": against["cover95"], "cover95 with": with_["cover95"],
        "matchup sd / true": e["tau_A"] / float(gen.off_diagonal(A).std()), "matchup sd": e["tau_A"], "synergy sd": e["tau_S"],
        "captured": full["captured"], "ece": full["ece"], "slope": full["slope"],
        "captured by pairs": full["captured"] - alone["captured"],
        "Dotabuff / ours": gen.judge_pairs(dotabuff, A, counted["gv"])["rmse"] / against["rmse"],
        "away from 0": float(np.mean([(np.abs(e[k][iu]) > gen.Z95 * e[k + "_sd"][iu]).mean() for k in "AS"])),
    }
    if suggest:
        named = {"ours": lambda cd, al, en: e["h"][cd] + e["A"][np.ix_(cd, en)].sum(1) + e["S"][np.ix_(cd, al)].sum(1)}
        found["regret pp"] = gen.judge_suggestions(truth, named, args.seed)["ours"]["regret_points"]
    return found


def run(gen, binary, matches, unlike, seed, wanted):
    args = SimpleNamespace(**{**DEFAULT, **unlike, "seed": seed})
    truth, drafts, won = gen.world(args, matches)
    counted = gen.counts(drafts, won)
    with tempfile.TemporaryDirectory() as folder:
        ours, seconds = estimate(binary, Path(folder), drafts, won)
    del drafts, won
    reference = {**gen.marginal(counted), "side": gen.logit(counted["radiant"])}
    rng = np.random.default_rng([seed, 3])
    test = gen.draw_drafts(rng, truth.q, 200_000)
    if args.counterpick:
        test = gen.counterpick(rng, truth, test, args.counterpick)
    judged = [judge(gen, args, truth, counted, test, e, "regret pp" in wanted) for e in (ours, reference)]
    print(f"  seed {seed}: estimated in {seconds:.1f} s", file=sys.stderr, flush=True)
    return judged


class Drawn(Exception):
    """Ends the generator's command once its world is drawn."""


def account_world(gen, unlike, seed):
    """What the generator knows of accounts and their games: the variables of `cmd_players` when all games are played."""
    def stop(*_):
        raise Drawn(sys._getframe(1).f_locals)

    kept, gen.personal_priors = gen.personal_priors, stop
    try:
        gen.cmd_players(SimpleNamespace(**{**dict(accounts=20_000, account_sd=0.12, hero_skill_sd=0.20, rest_sd=0.7), **unlike, "seed": seed}))
    except Drawn as drawn:
        world = SimpleNamespace(**drawn.args[0])
    finally:
        gen.personal_priors = kept
    if len(world.o) != len(world.order):
        sys.exit("the generator plays the games in several parts and keeps the last one: take fewer accounts")
    return world


def estimate_accounts(binary, world):
    """Spreads, and skill of the account and on the hero with their variance, of each account's heroes in turn."""
    with tempfile.TemporaryDirectory() as folder:
        games, out = Path(folder) / "games.csv", Path(folder) / "estimates.json"
        rows = np.column_stack([world.acc[world.o] + 1, world.hero[world.o] + 1, world.p0, world.won])
        np.savetxt(games, rows, fmt="%d,%d,%.17g,%d", header="account,hero,expected,won", comments="")
        subprocess.run([binary, "estimate", "--games", games, "--out", out], check=True, stdout=subprocess.DEVNULL)
        e = json.load(open(out))
    cells = [(a["account"] - 1, h["hero"] - 1, h["games"], h["account"], h["personal"], h["sd"]) for a in e["accounts"] for h in a["heroes"]]
    acc, hero, n, u, v, sd = (np.array(column) for column in zip(*cells))
    assert (acc == world.acc).all() and (hero == world.hero).all() and (n == world.n).all(), "other accounts, heroes or games"
    return e["prior_sd"]["account"], e["prior_sd"]["hero"], u, v, sd ** 2


def judge_accounts(gen, world, estimated, reference):
    tu, tv, u, v, variance = estimated
    target = (world.u[world.acc] + world.v) * world.att
    strength = world.truth.h[world.hero] * world.att
    rmse = lambda x, cells: float(25 * np.sqrt(((x - target)[cells] ** 2).mean()))
    shrunk = 4 * (world.wins - world.exp_) / (world.n + 10)
    found = {"account sd / true": tu / (world.a.account_sd * world.att), "hero sd / true": tv / max(world.a.hero_skill_sd * world.att, 1e-9),
             "largest personal part": float(np.abs(gen.points(strength + u + v) - gen.points(strength + u)).max())}
    for name, (low, high) in CLASSES.items():
        cells = (world.n >= low) & (world.n <= high)
        ours = rmse(u + v, cells)
        found[f"cover95, {name}"] = float((np.abs(u + v - target)[cells] < gen.Z95 * np.sqrt(variance[cells])).mean())
        found[f"rmse / reference, {name}"] = ours / rmse(reference[2] + reference[3], cells)
        found[f"rmse / +10 games, {name}"] = ours / rmse(shrunk, cells)
        found[f"rmse / nothing, {name}"] = ours / rmse(np.zeros(len(target)), cells)
    start = np.searchsorted(world.acc, np.arange(world.P + 1))
    gains = []
    for one, next_ in zip(start, start[1:]):
        known = one + np.flatnonzero(world.n[one:next_] >= 3)
        if len(known) >= 3:
            worth = gen.points((strength + target)[known])
            by = lambda figure: worth[np.argmax(figure[known])] - worth.mean()
            gains.append((by(strength + u + v), by(world.wins / world.n)))
    found["gain of the named hero"], found["gain by own win rate"] = (float(x) for x in np.mean(gains, axis=0))
    return found


def run_accounts(gen, binary, unlike, seed):
    world = account_world(gen, unlike, seed)
    won_beyond = world.wins - world.exp_
    tu, tv = gen.personal_priors(world.acc, won_beyond, world.info, world.sq, world.P)
    u, v, variance = gen.personal(world.acc, won_beyond, world.info, world.P, tu, tv)
    reference = (tu ** 0.5, tv ** 0.5, u[world.acc], v, variance)
    ours = estimate_accounts(binary, world)
    print(f"  seed {seed}: {len(world.order)} games", file=sys.stderr, flush=True)
    return [judge_accounts(gen, world, e, reference) for e in (ours, reference)]


def compare(name, wanted, results):
    print(f"\n| {name} | found, mean | of the seeds | reference, same drafts | reference, contract | from | to | |\n|{'---|' * 8}")
    missed = 0
    for figure, (reference, low, high) in wanted.items():
        ours = [ours[figure] for ours, _ in results]
        theirs = [theirs[figure] for _, theirs in results]
        twice = lambda bound: reference + 2 * (bound - reference)
        holds = low <= np.mean(ours) <= high or len(ours) == 1
        for one, other in zip(ours, theirs):
            holds &= min(twice(low), other - abs(low - reference)) <= one <= max(twice(high), other + abs(high - reference))
        missed += not holds
        shown = f"{min(ours):.4f} … {max(ours):.4f}"
        print(f"| {figure} | {np.mean(ours):.4f} | {shown} | {np.mean(theirs):.4f} | {reference} | {low} | {high} | {'' if holds else 'MISSED'} |")
    sys.stdout.flush()
    return missed


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("generator")
    ap.add_argument("--binary", default="target/release-quick/model-service")
    ap.add_argument("--worlds", default=",".join([*WORLDS, *ACCOUNTS]), help="separated by commas")
    ap.add_argument("--seeds", default="1-6", help="first and last")
    a = ap.parse_args()
    first, last = (int(x) for x in a.seeds.split("-"))
    gen, missed = load(a.generator), 0
    for name in a.worlds.split(","):
        print(f"{name}:", file=sys.stderr, flush=True)
        if name in ACCOUNTS:
            unlike, wanted = ACCOUNTS[name]
            missed += compare(name, wanted, [run_accounts(gen, a.binary, unlike, seed) for seed in range(first, last + 1)])
            continue
        matches, unlike, seeds, wanted = WORLDS[name]
        seeds = seeds or range(first, last + 1)
        missed += compare(name, wanted, [run(gen, a.binary, matches, unlike, seed, wanted) for seed in seeds])
    print(f"\n{missed} figures missed" if missed else "\nevery figure is reached")
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
