// The system configuration: the known keys by group, with the state of each group, and the operator's own entries.

import { api, get } from './api.js?v=VERSION';
import { editEntry, editOwnEntry } from './config-dialog.js?v=VERSION';
import { stateOf, titleOf } from './config-groups.js?v=VERSION';
import { confirm, confirmByTyping } from './dialog.js?v=VERSION';
import { button, fill, h, icon } from './dom.js?v=VERSION';
import { testMail } from './mail-test.js?v=VERSION';
import { empty, notify } from './notice.js?v=VERSION';
import { makeTable } from './table.js?v=VERSION';

export const title = 'Configuration';

const LONG = 120;

export async function render({ page, heading }) {
  let [entries, keys, states] = await Promise.all([get('/config'), get('/config-keys'), get('/config-keys/state')]);
  const search = h('input', { type: 'search', 'aria-label': 'Find a key', placeholder: 'Find a key', autocomplete: 'off', oninput: () => show() });
  const known = h('div', { class: 'stack' });
  const own = h('div');
  const said = h('p', { class: 'unseen', role: 'status' });

  const held = (key) => entries.find((entry) => entry.key === key);
  const isSet = ({ key }) => (held(key)?.value ?? null) !== null;

  function show() {
    const wanted = search.value.trim().toLowerCase();
    const matches = ({ key, meaning = '' }) => `${key} ${meaning}`.toLowerCase().includes(wanted);
    const shown = keys.filter(matches);
    const others = entries.filter(({ key }) => !keys.some((other) => other.key === key)).filter(matches);
    fill(known, shown.length > 0
      ? states.map((state) => groupOf(state, shown))
      : empty('No such key', 'Type less, or something else.'));
    fill(own, others.length > 0
      ? makeTable({ label: 'Entries of your own', columns: OWN, rows: others })
      : empty(wanted ? 'No entry of your own matches' : 'No entries of your own', 'Clients may keep what they like here, under keys that mean nothing to the server.'));
    said.textContent = wanted ? `${shown.length + others.length} found` : '';
  }

  /** A group with those of its keys that are shown; nothing where none is. */
  function groupOf(state, shown) {
    const all = keys.filter(({ group }) => group === state.group);
    const rows = shown.filter(({ group }) => group === state.group);
    if (rows.length === 0) return null;
    const id = `group-${state.group}`;
    return h('section', { class: 'stack', 'aria-labelledby': id },
      h('div', { class: 'head' },
        h('h2', { id }, titleOf(state.group)),
        state.group === 'mail' ? button('Send a test mail …', tryMail, { 'data-key': 'test-mail' }) : null),
      stateOf(state, all.filter(isSet).length, all.length),
      makeTable({ label: `Keys: ${titleOf(state.group)}`, columns: KNOWN, rows, rowClass: (key) => (isSet(key) ? 'is-set' : null) }));
  }

  async function tryMail() {
    await testMail();
    await refresh();
    focusOn('test-mail');
  }

  async function refresh() {
    [entries, states] = await Promise.all([get('/config'), get('/config-keys/state')]);
    show();
  }

  /** What had the focus was drawn anew. */
  function focusOn(key) {
    page.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
  }

  async function changed(text, key) {
    await refresh();
    notify(text);
    focusOn(key);
  }

  async function edit(key) {
    if (await editEntry({ known: key, value: held(key.key)?.value })) await changed(`${key.key} is set`, key.key);
  }

  async function reset(key) {
    const question = {
      title: `Take ${key.key} away?`,
      text: key.key === 'JWTSecret'
        ? 'Whoever has a token that was signed with it is signed out at once.'
        : 'From then on the default holds.',
    };
    const remove = () => api('DELETE', `/config/${encodeURIComponent(key.key)}`);
    if (key.secret) {
      const done = await confirmByTyping({ ...question, what: 'the key', word: key.key, yes: 'Take it away', action: remove });
      if (done) await changed(`${key.key} is back to its default`, key.key);
    } else if (await confirm({ ...question, yes: 'Take it away' })) {
      try {
        await remove();
        await changed(`${key.key} is back to its default`, key.key);
      } catch (error) {
        notify(error.message, { bad: true });
      }
    }
  }

  async function editOwn(entry) {
    const taken = [...keys, ...entries].map(({ key }) => key).filter((key) => key !== entry?.key);
    const key = await editOwnEntry({ ...entry, taken });
    if (key) await changed(`${key} is kept`, key);
  }

  async function removeOwn(entry) {
    const done = await confirmByTyping({
      title: `Delete ${entry.key}?`,
      text: 'What needs this entry does not find it any more.',
      what: 'the key',
      word: entry.key,
      yes: 'Delete the entry',
      action: () => api('DELETE', `/config/${encodeURIComponent(entry.key)}`),
    });
    if (done) await changed(`${entry.key} is deleted`, entry.key);
  }

  const KNOWN = [
    { label: 'Key', className: 'main-cell', cell: ({ key }) => h('code', { class: 'break' }, key) },
    { label: 'Meaning', className: 'wide-cell', cell: ({ meaning }) => meaning },
    { label: 'Now', className: 'wide-cell', cell: (key) => now(key, held(key.key)) },
    {
      label: 'Change',
      className: 'end',
      cell: (key) => h('div', { class: 'row' },
        held(key.key) ? button('Default …', () => reset(key), { kind: 'quiet', 'aria-label': `Default … for ${key.key}` }) : null,
        button('Set …', () => edit(key), { 'aria-label': `Set … ${key.key}`, 'data-key': key.key })),
    },
  ];
  const OWN = [
    { label: 'Key', className: 'main-cell', cell: ({ key }) => h('code', { class: 'break' }, key) },
    { label: 'Value', className: 'wide-cell', cell: ({ value }) => written(value) },
    {
      label: 'Change',
      className: 'end',
      cell: (entry) => h('div', { class: 'row' },
        button('Delete …', () => removeOwn(entry), { kind: 'quiet', 'aria-label': `Delete … ${entry.key}` }),
        button('Edit …', () => editOwn(entry), { 'aria-label': `Edit … ${entry.key}`, 'data-key': entry.key })),
    },
  ];

  show();
  page.append(
    heading,
    h('p', { class: 'muted' }, 'What is set here counts at once, on every node, without a restart.'),
    h('search', { class: 'card filters' }, h('div', { class: 'filter grow search' }, icon('search'), search)),
    said,
    known,
    h('div', { class: 'head' }, h('h2', {}, 'Entries of your own'), button([icon('plus'), 'New entry'], () => editOwn(undefined))),
    own,
  );
}

function written(value) {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return h('code', { class: 'break', title: text.length > LONG ? text : null }, text.length > LONG ? `${text.slice(0, LONG)} …` : text);
}

/** What holds: what is set, or the default. */
function now(key, entry) {
  if (entry && entry.value !== null) {
    return [h('span', { class: 'tag accent' }, 'set'), ' ', key.secret ? h('span', { class: 'muted' }, 'never shown') : written(entry.value)];
  }
  const none = key.default === null || key.default === undefined;
  return h('span', { class: 'muted' }, 'default: ', none ? 'none' : h('code', { class: 'break' }, String(key.default)));
}
