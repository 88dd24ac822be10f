// Plots of values over time: axes with units, values under the pointer and for the arrow keys, and a table.

import { fill, h, svg } from './dom.js?v=VERSION';
import { compact } from './format.js?v=VERSION';

const HEIGHT = 220;
const ROOM = { top: 14, right: 14, bottom: 26, left: 52 };

/** Round numbers from 0 to at least `most`, some five of them. */
export function ticks(most, whole) {
  if (!(most > 0)) return [0, 1];
  const raw = most / 4;
  const size = 10 ** Math.floor(Math.log10(raw));
  let step = [1, 2, 2.5, 5, 10].map((factor) => factor * size).find((candidate) => candidate >= raw * 0.999);
  if (whole) step = Math.max(1, Math.ceil(step));
  const count = Math.ceil(most / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => index * step);
}

/**
 * `points` are in their order; `series` are `{name, value(point), className}` and `value` may give `null` for what is
 * not known. `tick(point)` is a short name for the axis, `name(point)` a full one, `written(value)` a value with
 * its unit, and `unit` what stands at the axis.
 */
export function makeChart({ title, points, series, tick, name, written, unit, whole = true }) {
  let chosen = points.length - 1;
  const area = h('div', { class: 'plot' });
  const tip = h('div', { class: 'tip', hidden: true, 'aria-hidden': 'true' });
  const says = (point) => `${name(point)}: ${series.map((one) => `${one.name} ${text(one.value(point))}`).join(', ')}`;
  const text = (value) => (value === null ? 'unknown' : written(value));
  const handle = h('div', {
    class: 'plot-box', tabindex: '0', role: 'slider', 'aria-label': `${title}: value at`, 'aria-valuemin': 0,
    'aria-valuemax': points.length - 1, 'aria-valuenow': chosen, 'aria-valuetext': says(points[chosen]), 'aria-orientation': 'horizontal',
  }, area, tip);
  let width = 0;
  let place = () => 0;
  let guide = null;

  function draw() {
    width = handle.clientWidth;
    if (width === 0) return;
    const marks = ticks(Math.max(...points.flatMap((point) => series.map((one) => one.value(point) ?? 0))), whole);
    const top = marks.at(-1);
    const inner = { width: width - ROOM.left - ROOM.right, height: HEIGHT - ROOM.top - ROOM.bottom };
    place = (index) => ROOM.left + (points.length > 1 ? (index / (points.length - 1)) * inner.width : inner.width / 2);
    const level = (value) => ROOM.top + inner.height * (1 - value / top);
    const image = svg('svg', { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, 'aria-hidden': 'true' });
    for (const mark of marks) {
      image.append(svg('line', { class: 'grid', x1: ROOM.left, x2: width - ROOM.right, y1: level(mark), y2: level(mark) }));
      image.append(svg('text', { class: 'tick end', x: ROOM.left - 8, y: level(mark) + 4 }, compact(mark)));
    }
    // As many names as there is room for, the last one always.
    const every = Math.max(1, Math.ceil(points.length / Math.max(2, Math.floor(inner.width / 80))));
    points.forEach((point, index) => {
      if ((points.length - 1 - index) % every !== 0) return;
      const edge = place(index) > width - 40 ? 'end' : place(index) < ROOM.left + 20 ? 'start' : 'middle';
      image.append(svg('text', { class: `tick ${edge}`, x: edge === 'end' ? width - ROOM.right : place(index), y: HEIGHT - 8 }, tick(point)));
    });
    for (const one of series) image.append(line(one, level, inner));
    guide = svg('g', { class: 'guide' });
    image.append(guide);
    fill(area, image);
    if (!tip.hidden) choose(chosen, true);
  }

  function line(one, level, inner) {
    const group = svg('g', { class: `series ${one.className}` });
    let path = '';
    let open = false;
    points.forEach((point, index) => {
      const value = one.value(point);
      if (value === null) {
        open = false;
        return;
      }
      path += `${open ? 'L' : 'M'}${place(index).toFixed(1)} ${level(value).toFixed(1)}`;
      open = true;
    });
    group.append(svg('path', { class: 'line', d: path }));
    // A value between two that are not known is a point and no line.
    points.forEach((point, index) => {
      const alone = one.value(point) !== null && (one.value(points[index - 1] ?? point) === null || index === 0)
        && (index === points.length - 1 || one.value(points[index + 1]) === null);
      if (alone) group.append(svg('circle', { cx: place(index), cy: level(one.value(point)), r: 3 }));
    });
    group.dataset.base = ROOM.top + inner.height;
    one.level = level;
    return group;
  }

  function choose(index, visible) {
    chosen = Math.min(Math.max(index, 0), points.length - 1);
    const point = points[chosen];
    handle.setAttribute('aria-valuenow', chosen);
    handle.setAttribute('aria-valuetext', says(point));
    tip.hidden = !visible;
    if (!guide) return;
    fill(guide);
    if (!visible) return;
    const x = place(chosen);
    guide.append(svg('line', { x1: x, x2: x, y1: ROOM.top, y2: HEIGHT - ROOM.bottom }));
    for (const one of series) {
      if (one.value(point) !== null) guide.append(svg('circle', { class: one.className, cx: x, cy: one.level(one.value(point)), r: 4 }));
    }
    fill(tip, h('strong', {}, name(point)), series.map((one) => h('div', {}, h('span', { class: `swatch ${one.className}` }), ` ${one.name} `, h('b', {}, text(one.value(point))))));
    // Beside the line, on the side where there is room.
    tip.style.left = `${Math.max(0, x < width / 2 ? x + 12 : x - 12 - tip.offsetWidth)}px`;
  }

  const nearest = (event) => {
    const x = event.clientX - handle.getBoundingClientRect().left;
    return Math.round(((x - ROOM.left) / Math.max(1, width - ROOM.left - ROOM.right)) * (points.length - 1));
  };
  handle.addEventListener('pointermove', (event) => choose(nearest(event), true));
  handle.addEventListener('pointerdown', (event) => choose(nearest(event), true));
  handle.addEventListener('pointerleave', () => choose(chosen, document.activeElement === handle && handle.matches(':focus-visible')));
  handle.addEventListener('focus', () => choose(chosen, handle.matches(':focus-visible')));
  handle.addEventListener('blur', () => choose(chosen, false));
  handle.addEventListener('keydown', (event) => {
    const steps = { ArrowLeft: chosen - 1, ArrowDown: chosen - 1, ArrowRight: chosen + 1, ArrowUp: chosen + 1, PageDown: chosen - 7, PageUp: chosen + 7, Home: 0, End: points.length - 1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    choose(steps[event.key], true);
  });
  const watch = new ResizeObserver(draw);
  watch.observe(handle);

  const table = h('details', {}, h('summary', {}, 'As a table'));
  table.addEventListener('toggle', () => {
    if (!table.open || table.querySelector('table')) return;
    const heads = ['', ...series.map((one) => one.name)].map((word) => h('th', { scope: 'col' }, word || h('span', { class: 'unseen' }, 'When')));
    const rows = points.toReversed().map((point) => h('tr', {}, h('th', { scope: 'row' }, name(point)), series.map((one) => h('td', {}, text(one.value(point))))));
    table.append(h('div', { class: 'table-box small', tabindex: '0', role: 'region', 'aria-label': `${title}, as a table` }, h('table', {}, h('caption', { class: 'unseen' }, title), h('thead', {}, h('tr', {}, heads)), h('tbody', {}, rows))));
  });
  return h('figure', { class: 'card chart' },
    h('figcaption', {}, h('h2', {}, title), h('span', { class: 'muted' }, unit)),
    series.length > 1 ? h('ul', { class: 'legend', 'aria-hidden': 'true' }, series.map((one) => h('li', {}, h('span', { class: `swatch ${one.className}` }), one.name))) : null,
    handle, table);
}
