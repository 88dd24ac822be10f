// Entries of the audit log as a table, with the names of those whom they are about.

import { breakable, fill, h } from './dom.js?v=VERSION';
import { time } from './format.js?v=VERSION';
import { link } from './router.js?v=VERSION';
import { makeTable } from './table.js?v=VERSION';
import { nameOf } from './users-api.js?v=VERSION';

/** What each kind is called. */
export const KINDS = {
  'sign-in': 'Signed in',
  'sign-in-failed': 'Sign-in failed',
  'user-created': 'User made',
  'user-changed': 'User changed',
  'user-deleted': 'User deleted',
  'password-changed': 'Password changed',
  'password-reset': 'Password reset',
  'password-forgotten': 'Password forgotten',
  'signed-out-everywhere': 'Signed out everywhere',
  'config-set': 'Configuration set',
  'config-removed': 'Configuration removed',
  'rules-replaced': 'Rules replaced',
  'users-imported': 'Users imported',
  'key-rotated': 'Key rotated',
  'key-retired': 'Key retired',
  'confirmation-requested': 'Confirmation requested',
  'user-confirmed': 'Address confirmed',
};

/** Kinds that one looks at twice. */
const GRAVE = new Set(['sign-in-failed', 'user-deleted', 'key-retired']);

/** A link to a user, which shows the id until its name is known, and says so when it is gone. */
function userLink(id) {
  const element = h('a', { href: link(['users', id]) }, h('code', {}, id));
  nameOf(id).then(
    (name) => (name === null
      ? element.replaceWith(h('span', { class: 'muted' }, h('code', {}, id), ' (deleted)'))
      : fill(element, breakable(name))),
    () => {}, // The id says enough.
  );
  return element;
}

function actor({ type, id, uid }) {
  if (type === 'user') return userLink(id);
  if (type === 'command-line') return `command line, uid ${uid}`;
  return h('span', { class: 'muted' }, type);
}

function details(of) {
  return Object.entries(of).map(([name, value]) => h(
    'span',
    { class: 'detail' },
    h('span', { class: 'muted' }, `${name}: `),
    Array.isArray(value) ? value.join(', ') : String(value),
  ));
}

/** The table of some entries. */
export function auditTable(entries) {
  const columns = [
    { label: 'Time', className: 'nowrap', cell: (entry) => h('time', { datetime: entry.time }, time(entry.time)) },
    {
      label: 'What',
      cell: ({ kind }) => h('span', { class: GRAVE.has(kind) ? 'tag bad' : 'tag', title: kind }, KINDS[kind] ?? kind),
    },
    { label: 'Who', className: 'main-cell', cell: (entry) => actor(entry.actor) },
    { label: 'To whom', className: 'main-cell', cell: ({ user }) => (user ? userLink(user) : h('span', { class: 'muted' }, '–')) },
    { label: 'From', cell: ({ address }) => address ?? h('span', { class: 'muted' }, 'this machine') },
    { label: 'Details', cell: (entry) => details(entry.details) },
  ];
  return makeTable({ label: 'Audit log', columns, rows: entries });
}
