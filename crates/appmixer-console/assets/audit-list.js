// The audit log, newest first, from one page to an older one and back.

import { api } from './api.js?v=VERSION';
import { auditTable } from './audit-table.js?v=VERSION';
import { button, fill, h } from './dom.js?v=VERSION';
import { empty, loading, problem } from './notice.js?v=VERSION';

const LIMIT = 50;

/** A list of the entries that `query` (pairs) asks for; `ask(query)` asks for others, from the newest on. */
export function auditList() {
  let query = [];
  // Where each page that was gone through began: the way back.
  let starts = [null];
  let pending = null;
  const results = h('div', { class: 'results' });
  const turns = h('nav', { class: 'pager', 'aria-label': 'Pages of the audit log' });
  const newest = button('« Newest', () => move([null]), { kind: 'quiet' });
  const newer = button('‹ Newer', () => move(starts.slice(0, -1)), { kind: 'quiet' });
  const older = button('Older ›', () => move([...starts, oldest]), { kind: 'quiet' });
  const said = h('span', { role: 'status', class: 'muted' });
  let oldest = null;
  turns.append(h('div', { class: 'row' }, newest, newer, older, said));
  turns.hidden = true;

  function move(to) {
    starts = to;
    load();
  }

  async function load() {
    pending?.abort();
    const mine = new AbortController();
    pending = mine;
    if (results.childElementCount === 0) fill(results, loading());
    results.setAttribute('aria-busy', 'true');
    const before = starts.at(-1);
    const asked = [...query, ['limit', LIMIT], ...(before === null ? [] : [['before', before]])];
    try {
      const { data, headers } = await api('GET', '/audit', { query: asked, signal: mine.signal });
      draw(data, /rel="next"/.test(headers.get('Link') ?? ''));
    } catch (error) {
      if (mine.signal.aborted) return;
      turns.hidden = true;
      fill(results, problem(error, load));
    }
    if (pending === mine) results.removeAttribute('aria-busy');
  }

  function draw(entries, more) {
    oldest = entries.at(-1)?.id ?? null;
    fill(results, entries.length > 0
      ? auditTable(entries)
      : empty('No entries', starts.length > 1 ? 'There is nothing older.' : 'Nothing of this kind has happened, or it is not kept any more.'));
    turns.hidden = starts.length === 1 && !more;
    const back = starts.length === 1;
    const focused = document.activeElement;
    newest.disabled = back;
    newer.disabled = back;
    older.disabled = !more;
    if (focused?.disabled && turns.contains(focused)) (more ? older : newest).focus();
    said.textContent = `Page ${starts.length}`;
  }

  return {
    element: h('div', { class: 'stack' }, results, turns),
    ask(wanted) {
      query = wanted;
      move([null]);
    },
    leave: () => pending?.abort(),
  };
}
