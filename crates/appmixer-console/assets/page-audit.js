// The audit log with its filters, which are in the address.

import { auditList } from './audit-list.js?v=VERSION';
import { KINDS } from './audit-table.js?v=VERSION';
import { button, fill, h, newId } from './dom.js?v=VERSION';
import { link, rewrite } from './router.js?v=VERSION';
import { findUser, isId } from './users-api.js?v=VERSION';

export const title = 'Audit log';

const PAUSE = 300;

function read(query) {
  return {
    from: query.get('from') ?? '',
    to: query.get('to') ?? '',
    user: query.get('user') ?? '',
    kinds: query.getAll('kind').filter((kind) => Object.hasOwn(KINDS, kind)),
  };
}

function address({ from, to, user, kinds }) {
  const query = kinds.map((kind) => ['kind', kind]);
  for (const [name, value] of Object.entries({ from, to, user })) if (value) query.push([name, value]);
  return link(['audit'], query);
}

export function render({ page, heading, route }) {
  let state = read(route.query);
  const list = auditList();
  const userError = h('p', { class: 'field-error', role: 'alert' });
  const from = h('input', { type: 'datetime-local', onchange: () => change({ from: from.value }) });
  const to = h('input', { type: 'datetime-local', onchange: () => change({ to: to.value }) });
  const user = h('input', { type: 'text', placeholder: 'name, email or id', autocomplete: 'off', spellcheck: 'false' });
  const boxes = Object.entries(KINDS).map(([kind, label]) => {
    const box = h('input', { type: 'checkbox', id: newId('kind'), value: kind, onchange: pick });
    return { box, element: h('div', { class: 'check' }, box, h('label', { for: box.id }, label)) };
  });
  const summary = h('summary', {});
  const kinds = h('details', { class: 'kinds' }, summary, h('fieldset', {}, h('legend', { class: 'unseen' }, 'Kinds'), boxes.map(({ element }) => element)));
  const clear = button('Clear all', () => {
    change({ from: '', to: '', user: '', kinds: [] });
    show();
    from.focus();
  }, { kind: 'quiet' });

  let timer;
  user.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => change({ user: user.value.trim() }), PAUSE);
  });

  function pick() {
    change({ kinds: boxes.filter(({ box }) => box.checked).map(({ box }) => box.value) });
  }

  function change(part) {
    clearTimeout(timer);
    state = { ...state, ...part };
    rewrite(address(state));
    tellKinds();
    ask();
  }

  function tellKinds() {
    summary.textContent = state.kinds.length === 0 ? 'All kinds' : `Kinds: ${state.kinds.length} chosen`;
    clear.hidden = !state.from && !state.to && !state.user && state.kinds.length === 0;
  }

  function show() {
    from.value = state.from;
    to.value = state.to;
    user.value = state.user;
    for (const { box } of boxes) box.checked = state.kinds.includes(box.value);
    tellKinds();
  }

  let asked = 0;
  async function ask() {
    asked += 1;
    const mine = asked;
    fill(userError);
    const query = state.kinds.map((kind) => ['kind', kind]);
    // The fields are in the reader's zone, the log is in UTC.
    for (const name of ['from', 'to']) {
      const moment = new Date(state[name]);
      if (state[name] && !Number.isNaN(moment.getTime())) query.push([name, moment.toISOString()]);
    }
    if (state.user) {
      let id = isId(state.user) ? state.user : null;
      if (id === null) {
        try {
          id = (await findUser(state.user))?.id ?? null;
        } catch (error) {
          if (mine === asked) fill(userError, error.message);
          return;
        }
      }
      if (mine !== asked) return;
      if (id === null) {
        fill(userError, 'There is no such user. One who was deleted is found by id.');
        return;
      }
      query.push(['user', id]);
    }
    list.ask(query);
  }

  const labelled = (label, control) => {
    control.id = newId('filter');
    return h('div', { class: 'filter' }, h('label', { for: control.id }, label), control);
  };
  page.append(
    heading,
    h('search', { class: 'card filters' }, labelled('From', from), labelled('To', to), h('div', { class: 'grow' }, labelled('User', user), userError), kinds, clear),
    list.element,
  );
  show();
  ask();
  return {
    update(query) {
      state = read(query);
      show();
      ask();
    },
    leave() {
      clearTimeout(timer);
      list.leave();
    },
  };
}
