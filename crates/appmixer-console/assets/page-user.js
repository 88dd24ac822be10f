// One user: what it is, what can be done to it, and what it has done.

import { api } from './api.js?v=VERSION';
import { auditList } from './audit-list.js?v=VERSION';
import { confirm, confirmByTyping, openDialog } from './dialog.js?v=VERSION';
import { button, fill, h } from './dom.js?v=VERSION';
import { time } from './format.js?v=VERSION';
import { makeForm } from './form.js?v=VERSION';
import { notify } from './notice.js?v=VERSION';
import { passwordField } from './page-new-user.js?v=VERSION';
import { go } from './router.js?v=VERSION';
import { currentUser } from './session.js?v=VERSION';
import { changedMembers, userFields } from './user-fields.js?v=VERSION';
import { deleteUser, getUser } from './users-api.js?v=VERSION';

export const title = 'User';

const path = (user) => `/users/${user.id}`;

export async function render({ page, heading, route }) {
  let user = await getUser(route.parts[1]);
  const trail = auditList();
  const facts = h('dl', { class: 'facts' });
  const card = h('section', { class: 'card stack', 'aria-label': 'Edit' });
  let form = null;
  let gone = false;

  /** What is known of the user now, and a form that is filled with it. */
  function show() {
    heading.textContent = user.username;
    fill(facts, fact('Id', h('code', { class: 'break' }, user.id)), fact('Made', time(user.created)),
      fact('Scopes', user.scope.map((scope) => h('span', { class: 'tag' }, scope))),
      fact('Address', h('span', { class: user.isActive ? 'tag good' : 'tag' }, addressState(user))));
    const fields = userFields(user);
    form = makeForm({
      fields,
      submit: 'Save',
      cancel: { label: 'Undo changes', action: show },
      onsubmit: () => save(changedMembers(fields, user)),
    });
    fill(card, h('h2', {}, 'What it is'), form.element);
  }

  async function save(changed) {
    if (Object.keys(changed).length === 0) {
      notify('Nothing was changed');
      return;
    }
    const loses = user.id === currentUser()?.id && changed.scope && !changed.scope.includes('admin');
    if (loses && !(await confirm({
      title: 'Give up your own rights?',
      text: 'Without the scope “admin” you are signed out and cannot use this console any more.',
      yes: 'Give them up',
      danger: true,
    }))) return;
    const moves = changed.email && changed.email.toLowerCase() !== user.email.toLowerCase();
    if (moves && user.isActive && changed.isActive === undefined && (await confirm({
      title: 'Is the new address confirmed?',
      text: 'If it is not, the user becomes inactive until a code that is sent there comes back.',
      yes: 'It is confirmed',
      no: 'Not yet',
    }))) changed.isActive = true;
    await api('PUT', path(user), { body: changed });
    user = await getUser(user.id);
    show();
    notify('Saved');
    trail.ask([['user', user.id]]);
  }

  async function resetPassword() {
    const password = passwordField('password', 'New password');
    const done = await openDialog({
      title: `Reset the password of ${user.username}`,
      focus: password.input,
      body: (close) => [
        h('p', {}, 'The user is signed out everywhere, and signs in with the new password.'),
        makeForm({
          fields: [password],
          submit: 'Reset',
          cancel: { label: 'Cancel', action: () => close(false) },
          onsubmit: async () => {
            await api('POST', '/user/reset-password', { body: { username: user.username, password: password.value() } });
            close(true);
          },
        }).element,
      ],
    });
    if (done) finished('The password is reset');
  }

  async function endSessions() {
    const sure = await confirm({
      title: `Sign ${user.username} out everywhere?`,
      text: 'Every token of the user stops working at once.',
      yes: 'Sign out everywhere',
      danger: true,
    });
    if (!sure) return;
    try {
      await api('POST', `${path(user)}/sign-out-everywhere`);
      finished(`${user.username} is signed out everywhere`);
    } catch (error) {
      notify(error.message, { bad: true });
    }
  }

  async function remove() {
    const done = await confirmByTyping({
      title: `Delete ${user.username}?`,
      text: 'The user, its names and its tokens are gone for good. The audit log keeps what it did, by its id.',
      what: 'the username',
      word: user.username,
      yes: 'Delete the user',
      action: (tell) => deleteUser(user.id, tell),
    });
    if (!done) return;
    gone = true;
    notify(`${user.username} is deleted`);
    go('#/users');
  }

  function finished(text) {
    notify(text);
    trail.ask([['user', user.id]]);
  }

  show();
  trail.ask([['user', user.id]]);
  page.append(
    h('p', { class: 'crumbs' }, h('a', { href: '#/users' }, 'Users')),
    heading,
    facts,
    h('div', { class: 'columns' },
      card,
      h('section', { class: 'card stack', 'aria-label': 'Actions' },
        h('h2', {}, 'What can be done'),
        action('Reset the password', 'Set another one; the user is signed out everywhere.', button('Reset password …', resetPassword)),
        action('Sign out everywhere', 'Every token stops working at once.', button('Sign out everywhere …', endSessions)),
        action('Delete', 'For good. The last administrator stays.', button('Delete …', remove, { kind: 'danger' })))),
    h('section', { class: 'stack' }, h('h2', {}, 'What it did, and what was done to it'), trail.element),
  );
  return { isChanged: () => !gone && form.isChanged(), leave: trail.leave };
}

function addressState(user) {
  if (user.isActive) return 'confirmed';
  return user.confirmationPending ? 'confirmation pending' : 'inactive';
}

const fact = (name, value) => h('div', {}, h('dt', {}, name), h('dd', {}, value));

const action = (name, text, control) => h('div', { class: 'action' }, h('div', {}, h('h3', {}, name), h('p', { class: 'muted' }, text)), control);
