// How the server is doing: users, sign-ins, sign-ups, failures, the hash queue and how long requests take.

import { get } from './api.js?v=VERSION';
import { makeChart } from './chart.js?v=VERSION';
import { fill, h, newId } from './dom.js?v=VERSION';
import { duration, hour, longDay, number, shortDay } from './format.js?v=VERSION';
import { loading, problem } from './notice.js?v=VERSION';
import { link } from './router.js?v=VERSION';

export const title = 'Overview';

const SPANS = [7, 30, 90, 366];
/** How often it is asked for, in ms, while somebody looks. */
const EVERY = 30_000;

export function render({ page, heading }) {
  let days = 30;
  let asked = 0;
  const tiles = h('ul', { class: 'tiles', 'aria-label': 'Now' });
  const charts = h('div', { class: 'charts' });
  const trouble = h('div');
  const stamp = h('span', { class: 'muted' });
  const id = newId('days');
  const span = h('select', { id, onchange: () => {
    days = Number(span.value);
    load(true);
  } }, SPANS.map((n) => h('option', { value: n, selected: n === days }, n > 360 ? 'a year' : `${n} days`)));

  async function load(redraw) {
    asked += 1;
    const mine = asked;
    try {
      const stats = await get('/stats', { query: [['days', days]] });
      if (mine !== asked) return;
      fill(trouble);
      showTiles(stats);
      // Somebody may be reading a value in a plot: what is there is not taken away unasked.
      if (redraw || !charts.contains(document.activeElement)) showCharts(stats);
      stamp.textContent = `as of ${hour(new Date())}`;
    } catch (error) {
      if (mine !== asked) return;
      fill(trouble, problem(error, () => load(true)));
      if (charts.querySelector('.loading')) fill(charts);
    }
  }

  function showTiles({ users, active, days: list, node }) {
    const today = list.at(-1) ?? { signUps: 0, signIns: 0, failures: 0 };
    const { hashQueue, requests } = node;
    fill(tiles,
      tile('Users', number(users), `${number(active)} active`, '#/users'),
      tile('Sign-ins today', number(today.signIns), 'since midnight UTC', link(['audit'], { kind: 'sign-in' })),
      tile('Sign-ups today', number(today.signUps), 'since midnight UTC', link(['audit'], { kind: 'user-created' })),
      tile('Failures today', number(today.failures), 'sign-ins that were refused', link(['audit'], { kind: 'sign-in-failed' }), today.failures > today.signIns && today.failures > 10),
      tile('Hash queue', number(hashQueue.waiting), `of ${number(hashQueue.capacity)} places`, null, hashQueue.waiting > hashQueue.capacity / 2),
      tile('p99', known(requests.p99), `half take less than ${known(requests.p50)}`),
      tile('Requests', number(requests.total), 'since this node started'),
      tile('Up for', duration(node.uptime), `version ${node.version}`));
  }

  function showCharts({ days: list, node }) {
    const daily = { points: list, tick: ({ day }) => shortDay(day), name: ({ day }) => longDay(day), written: number, unit: 'a day, UTC' };
    const minutely = { points: node.minutes, tick: ({ at }) => hour(at), name: ({ at }) => hour(at) };
    fill(charts,
      makeChart({
        title: 'Sign-ins', ...daily,
        series: [{ name: 'good', className: 'one', value: (day) => day.signIns }, { name: 'failed', className: 'two', value: (day) => day.failures }],
      }),
      makeChart({ title: 'Sign-ups', ...daily, series: [{ name: 'sign-ups', className: 'one', value: (day) => day.signUps }] }),
      node.minutes.length > 0 ? [
        makeChart({
          title: 'Requests', ...minutely, written: number, unit: 'a minute, at this node',
          series: [{ name: 'all', className: 'one', value: (minute) => minute.requests }, { name: 'errors', className: 'two', value: (minute) => minute.errors }],
        }),
        makeChart({
          title: 'p99 of requests', ...minutely, written: (ms) => duration(ms / 1000), unit: 'ms, at this node', whole: false,
          series: [{ name: 'p99', className: 'one', value: ({ p99 }) => (p99 === null || p99 === undefined ? null : p99 * 1000) }],
        }),
        makeChart({
          title: 'Hash queue', ...minutely, written: (n) => `${number(n)} waiting`, unit: 'passwords waiting, at this node',
          series: [{ name: 'queue', className: 'one', value: ({ hashWaiting }) => hashWaiting ?? null }],
        }),
      ] : h('p', { class: 'muted' }, 'What happens minute by minute is shown once the server has run for one.'));
  }

  fill(charts, loading());
  page.append(h('div', { class: 'head' }, heading, h('div', { class: 'row' }, stamp, h('label', { for: id }, 'Days'), span)), trouble, tiles, charts);
  load(true);
  const timer = setInterval(() => {
    if (!document.hidden) load(false);
  }, EVERY);
  return { leave: () => clearInterval(timer) };
}

const known = (seconds) => (seconds === null || seconds === undefined ? 'unknown' : duration(seconds));

function tile(name, value, below, href, grave = false) {
  return h('li', { class: grave ? 'card tile grave' : 'card tile' },
    h('h2', {}, href ? h('a', { href }, name) : name), h('p', { class: 'value' }, value), h('p', { class: 'muted' }, below));
}
