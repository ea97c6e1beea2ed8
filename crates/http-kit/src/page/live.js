"use strict";
const MINUTE_MS = 60 * 1000;
const HISTORY_MS = 5 * MINUTE_MS;   // what the charts show at most
const GAP_MS = 3500;                // a longer pause between two snapshots is a hole in a chart
const SILENCE_MS = 5000;            // five missing events: the connection is dead, whatever it says
const RETRY_MS = 2000;
const HEALTH_MS = 2000;

const byId = id => document.getElementById(id);
const all = selector => document.querySelectorAll(selector);
const integer = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
let previous = null, history = [], heardAt = performance.now();

// Words. ---------------------------------------------------------------------
const count = value => integer.format(value);
const perSecond = value => value === null ? "–" : (value < 10 ? fine : integer).format(value);
const sum = counts => Object.values(counts).reduce((total, value) => total + value, 0);
const words = reason => reason.replaceAll("_", " ");

function duration(seconds) {
  if (seconds === null) return "–";
  if (seconds < 0.001) return "under 1 ms";
  if (seconds < 1) return `${(seconds * 1000).toPrecision(seconds < 0.01 ? 2 : 3).replace(/\.0+$/, "")} ms`;
  if (seconds < 60) return `${fine.format(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds % 3600 / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor(seconds % 86400 / 3600)} h`;
}

/** The service's clock counts, not this machine's. */
function age(since) {
  const now = previous ? previous.at : Date.now();
  const seconds = Math.max(1, Math.round((now - Date.parse(since)) / 1000));
  return element("span", { className: "age" }, `for ${duration(seconds)}`);
}

// Elements. ------------------------------------------------------------------
function element(tag, attributes, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
}

function show(figure, text) {
  for (const place of all(`[data-figure="${figure}"]`)) place.textContent = text;
}

function pill(target, text, mood) {
  const classes = `pill ${mood}`;
  if (target.textContent !== text) target.textContent = text;
  if (target.className !== classes) target.className = classes;
  return target;
}

const moods = { healthy: "good", degraded: "fair", unhealthy: "bad", connected: "good", standing_by: "good", connecting: "fair", reconnecting: "bad" };
const capital = word => word[0].toUpperCase() + word.slice(1);

// Charts. --------------------------------------------------------------------
/** A round number at or above every value, so that the scale seldom jumps. */
function scaleTop(values, least) {
  const largest = Math.max(least, ...values);
  const step = 10 ** Math.floor(Math.log10(largest));
  return [1, 1.5, 2, 3, 5, 7.5, 10].map(part => part * step).find(top => top >= largest * 0.999);
}

function line(key, top, begin, end) {
  let path = "", last = null;
  for (const point of history) {
    if (point[key] === null) { last = null; continue; }
    const x = 300 * (point.at - begin) / (end - begin), y = 100 * (1 - point[key] / top);
    path += `${last !== null && point.at - last < GAP_MS ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`;
    last = point.at;
  }
  return path;
}

/** Every stretch of a line, closed along the bottom. */
function area(path) {
  return path.split("M").slice(1).map(stretch => {
    const points = stretch.split("L");
    const x = point => point.split(" ")[0];
    return `M${x(points[0])} 100L${stretch}L${x(points.at(-1))} 100Z`;
  }).join("");
}

/** Adds a point to the charts of a rate and of a time (`rate`, `p50` and `p99`), and draws them. */
function drawCharts(point) {
  const end = previous.at;
  history.push({ at: end, ...point });
  history = history.filter(point => end - point.at <= HISTORY_MS);
  const values = (...keys) => keys.flatMap(key => history.map(point => point[key])).filter(value => value !== null);
  const rateTop = scaleTop(values("rate"), 1), latencyTop = scaleTop(values("p50", "p99"), 0.001);
  // The charts begin with one minute and grow with what is known, minute by minute.
  const minutes = Math.min(HISTORY_MS / MINUTE_MS, Math.max(1, Math.ceil((end - history[0].at) / MINUTE_MS)));
  const begin = end - minutes * MINUTE_MS;
  for (const place of all(".begin")) place.textContent = minutes === 1 ? "1 minute ago" : `${minutes} minutes ago`;
  const rate = line("rate", rateTop, begin, end);
  byId("rate-line").setAttribute("d", rate);
  byId("rate-area").setAttribute("d", area(rate));
  byId("rate-top").textContent = count(rateTop);
  byId("p50-line").setAttribute("d", line("p50", latencyTop, begin, end));
  byId("p99-line").setAttribute("d", line("p99", latencyTop, begin, end));
  byId("latency-top").textContent = duration(latencyTop);
}

// Figures. -------------------------------------------------------------------
/** Takes the figures of one moment, and gives a function: the rate of one of them since the moment before. */
function progress(time, figures, whole) {
  const at = Date.parse(time), before = previous;
  // After a restart the figures begin anew; so does the page.
  const continues = before !== null && at > before.at && figures[whole] >= before.figures[whole];
  if (before !== null && figures[whole] < before.figures[whole]) history = [];
  previous = { at, figures };
  const rate = figure => continues ? (figures[figure] - before.figures[figure]) * 1000 / (at - before.at) : null;
  for (const dots of all("[data-flow]")) moveDots(dots, rate(dots.dataset.flow));
  return rate;
}

/** The one large number; a rate takes two events. */
function showRate(rate) {
  byId("rate").classList.toggle("measuring", rate === null);
  show("rate", rate === null ? "measuring…" : perSecond(rate));
}

/** Whether the parts of a ledger are the whole of it. */
function showAccount(ledger, whole, parts) {
  for (const part of all("[data-share]")) part.style.flexGrow = ledger[part.dataset.share];
  const accounted = parts.reduce((total, part) => total + ledger[part], 0);
  const terms = parts.map(part => `${count(ledger[part])} ${part.replace("_", "-")}`).join(" + ");
  const balanced = accounted === ledger[whole];
  byId("balance").className = balanced ? "good" : "bad";
  byId("balance").textContent = balanced
    ? `✓ Everything is accounted for: ${count(ledger[whole])} ${whole} = ${terms}.`
    : `✗ The account does not add up: ${count(ledger[whole])} ${whole} ≠ ${count(accounted)} = ${terms}.`;
}

function moveDots(dots, rate) {
  dots.classList.toggle("moving", rate > 0);
  // Ten times the rate is felt as twice the pace. Set in steps: a new pace makes the dots jump.
  const pace = (1.6 / 2 ** Math.round(Math.log10(Math.max(1, rate)))).toFixed(2);
  if (dots.style.animationDuration !== `${pace}s`) dots.style.animationDuration = `${pace}s`;
}

/** A line for each count of a map. */
function showCounts(id, counts) {
  byId(id).replaceChildren(...Object.entries(counts).map(([name, times]) =>
    element("li", { className: times ? "" : "zero" }, element("span", {}, words(name)), element("span", {}, count(times)))));
}

/** A check of one thing among several is called `kind.name`; the name is somebody's own and stays as it is. */
function nameOf({ name }) {
  const [, kind, own] = /^([^.]*)\.?(.*)$/.exec(name);
  return own ? `${capital(words(kind))} ${own}` : capital(words(kind));
}

function showHealth(answer) {
  byId("service").textContent = answer.service;
  document.title = `${answer.service}: ${answer.status}`;
  pill(byId("health"), capital(answer.status), moods[answer.status]);
  byId("checks").replaceChildren(...answer.checks.map(check => {
    const sign = pill(element("span", { title: `since ${check.since}` }), capital(check.status), moods[check.status]);
    return element("li", {}, element("div", { className: "head" }, nameOf(check), sign),
      element("p", {}, `${check.reason}, `, age(check.since)));
  }));
}

// Connection. ----------------------------------------------------------------
function setState(state) {
  const root = document.documentElement;
  if (root.dataset.state === state) return;
  root.dataset.state = state;
  byId("lost").hidden = state !== "lost";
  if (state === "live") return void pill(byId("connection"), "Live", "good");
  const time = new Date().toLocaleTimeString("en-GB");
  byId("lost").textContent = `The connection to the service was lost at ${time}. What you see is what was known then. Trying again …`;
  pill(byId("connection"), "Connection lost", "bad");
  pill(byId("health"), "Unknown", "");
  for (const dots of all("[data-flow]")) dots.classList.remove("moving");
}

async function askHealth() {
  try {
    const answer = await fetch("api/v1/health", { signal: AbortSignal.timeout(SILENCE_MS) });
    showHealth(await answer.json());
  } catch {
    pill(byId("health"), "Unknown", "");
  }
  setTimeout(askHealth, HEALTH_MS);
}

/** Shows the data of each event called `name` from `path`, for as long as the page is open. */
function live(path, name, show) {
  let events = null;
  const connect = () => {
    events?.close();
    heardAt = performance.now();
    events = new EventSource(path);
    events.addEventListener(name, event => {
      heardAt = performance.now();
      show(JSON.parse(event.data));
      setState("live");
    });
    events.onerror = () => {
      setState("lost");
      // After a refusal the browser does not try again by itself.
      events.close();
      setTimeout(connect, RETRY_MS);
    };
  };
  connect();
  askHealth();
  setInterval(() => {
    if (events.readyState !== EventSource.CLOSED && performance.now() - heardAt > SILENCE_MS) {
      setState("lost");
      connect();
    }
  }, 1000);
}
