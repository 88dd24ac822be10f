// The access rules: a list of them is changed here and then saved as a whole, as the API takes it.

import { api, get } from './api.js?v=VERSION';
import { confirm } from './dialog.js?v=VERSION';
import { button, fill, h, icon } from './dom.js?v=VERSION';
import { counted } from './format.js?v=VERSION';
import { empty, notify, problem } from './notice.js?v=VERSION';
import { makePager } from './pager.js?v=VERSION';
import { isByAddress, roleKind } from './role-kind.js?v=VERSION';
import { link } from './router.js?v=VERSION';
import { ruleCheck } from './rule-check.js?v=VERSION';
import { editRule } from './rule-dialog.js?v=VERSION';
import { makeTable } from './table.js?v=VERSION';

export const title = 'Access rules';

const TEXTS = {
  routes: 'Who may do what on the paths of the services behind the gateway, and on the apps. A resource that no rule names is for everybody who is signed in.',
  components: 'Which components of the apps somebody sees: those that a rule lets them read, and no other.',
};

const OPEN_SIGN_UP = 'Anyone may sign up, with any email address (API_USER_CREATE_SCOPE is not set), and some rules name an address or a domain. What they allow needs a confirmed address; what they deny is avoided with another one. Prefer scopes.';

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

export async function render({ page, heading, route }) {
  const kinds = await get('/acl-types');
  const kind = route.parts[1] ?? kinds[0];
  const [rules, resources, entries] = await Promise.all([
    get(`/acl/${encodeURIComponent(kind)}`), get(`/acl/${encodeURIComponent(kind)}/resources`), get('/config'),
  ]);
  const mayAnyoneSignUp = !entries.some(({ key, value }) => key === 'API_USER_CREATE_SCOPE' && value !== null);
  let saved = rules;
  let draft = [...saved];
  let problems = [];
  let shownPage = 1;
  let limit = 50;
  const list = h('div', { class: 'results' });
  const pager = h('div');
  const errors = h('div');
  const warning = h('div');
  const state = h('p', { class: 'count', role: 'status' });
  const save = button('Save all', store, { kind: 'primary' });
  const undo = button('Undo changes', () => {
    draft = [...saved];
    problems = [];
    fill(errors);
    show();
  });

  function show() {
    const changed = !same(draft, saved);
    state.textContent = `${counted(draft.length, 'rule')}${changed ? '; not saved yet' : ''}`;
    fill(warning, mayAnyoneSignUp && draft.some(isByAddress) ? h('p', { class: 'problem' }, OPEN_SIGN_UP) : null);
    save.disabled = !changed;
    undo.disabled = !changed;
    const pages = Math.max(Math.ceil(draft.length / limit), 1);
    shownPage = Math.min(shownPage, pages);
    const first = (shownPage - 1) * limit;
    const rows = draft.slice(first, first + limit).map((rule, index) => ({ rule, place: first + index }));
    fill(list, rows.length > 0
      ? makeTable({ label: `Access rules about ${kind}`, columns: COLUMNS, rows })
      : empty('No rules', kind === 'components' ? 'Nobody sees any component.' : 'Everybody who is signed in may do everything.'));
    fill(pager, pages > 1 ? makePager({
      page: shownPage, pages, limit, limits: [50, 100, 250],
      onpage: (to) => {
        shownPage = to;
        show();
      },
      onlimit: (to) => {
        limit = to;
        show();
      },
    }) : null);
  }

  const about = (place) => problems.filter(({ path }) => path.startsWith(`[${place}]`));

  async function edit(place) {
    const rule = await editRule({ rule: draft[place], kind, resources, problems: about(place) });
    if (!rule) return;
    if (place < draft.length) draft = draft.with(place, rule);
    else draft = [...draft, rule];
    // The numbers of the other rules are as they were.
    problems = problems.filter(({ path }) => !path.startsWith(`[${place}]`));
    shownPage = Math.floor(place / limit) + 1;
    show();
    focusOn(place);
  }

  function remove(place) {
    draft = draft.toSpliced(place, 1);
    problems = [];
    show();
    focusOn(Math.min(place, draft.length - 1));
  }

  function focusOn(place) {
    (list.querySelector(`[data-place="${place}"]`) ?? add).focus();
  }

  async function store() {
    fill(errors);
    save.setAttribute('aria-disabled', 'true');
    try {
      const now = await get(`/acl/${kind}`);
      if (!same(now, saved) && !(await confirm({
        title: 'Somebody else has changed the rules',
        text: 'Since this page was loaded, other rules were saved. Saving yours replaces them.',
        yes: 'Replace them', danger: true,
      }))) return;
      ({ data: saved } = await api('POST', `/acl/${kind}`, { body: draft }));
      draft = [...saved];
      problems = [];
      show();
      notify('The rules are saved, and count from now on');
    } catch (error) {
      problems = error.details ?? [];
      show();
      fill(errors, problem(error));
    } finally {
      save.removeAttribute('aria-disabled');
    }
  }

  const COLUMNS = [
    {
      label: 'Role',
      className: 'main-cell',
      cell: ({ rule }) => [h('code', { class: 'break' }, rule.role), h('p', { class: 'muted' }, roleKind(rule))],
    },
    { label: 'Resource', className: 'main-cell', cell: ({ rule }) => h('code', { class: 'break' }, rule.resource) },
    { label: 'Actions', cell: ({ rule }) => rule.action.map((word) => h('span', { class: word.startsWith('!') ? 'tag bad' : 'tag' }, word)) },
    { label: 'Attributes', cell: ({ rule }) => rule.attributes.map((word) => h('span', { class: 'tag' }, word)) },
    {
      label: 'Change',
      className: 'end',
      cell: ({ place }) => [
        h('div', { class: 'row' },
          button('Remove', () => remove(place), { kind: 'quiet', 'aria-label': `Remove rule ${place + 1}` }),
          button('Edit …', () => edit(place), { 'aria-label': `Edit rule ${place + 1}`, 'data-place': place })),
        about(place).map(({ path, message }) => h('p', { class: 'field-error' }, `${path.replace(/^\[\d+\]\.?/, '')} ${message}`)),
      ],
    },
  ];

  const add = button([icon('plus'), 'New rule'], () => edit(draft.length));
  show();
  page.append(
    h('div', { class: 'head' }, heading, add),
    h('nav', { class: 'tabs', 'aria-label': 'Kinds of rules' }, kinds.map((name) => h('a', { href: link(['rules', name]), 'aria-current': name === kind ? 'page' : null }, name))),
    h('p', { class: 'muted' }, TEXTS[kind] ?? ''),
    h('div', { class: 'columns' },
      h('section', { class: 'stack', 'aria-label': 'Rules' }, errors, warning, h('div', { class: 'head' }, state, h('div', { class: 'row' }, undo, save)), list, pager),
      ruleCheck(kind, resources)),
  );
  return { isChanged: () => !same(draft, saved) };
}
