// Making a user.

import { api } from './api.js?v=VERSION';
import { button, h } from './dom.js?v=VERSION';
import { textField } from './field.js?v=VERSION';
import { makeForm } from './form.js?v=VERSION';
import { notify } from './notice.js?v=VERSION';
import { go, link } from './router.js?v=VERSION';
import { apiValue, userFields } from './user-fields.js?v=VERSION';

export const title = 'New user';

export function render({ page, heading }) {
  const password = passwordField('password', 'Password');
  const blank = { username: '', email: '', scope: ['user'], plan: 'free', vendor: null, isActive: false, metadata: {} };
  // Private components cannot be given to a user who is not there yet.
  const others = userFields(blank).filter(({ name }) => name !== 'allowedPrivateComponents');
  const fields = [...others.slice(0, 2), password, ...others.slice(2)];
  let made = false;
  const form = makeForm({
    fields,
    submit: 'Make the user',
    cancel: { label: 'Cancel', action: () => go('#/users') },
    onsubmit: async () => {
      const body = {};
      for (const { name, value } of others) {
        const given = apiValue(name, value());
        if (given !== null) body[name] = given;
      }
      body.password = password.value();
      const { data } = await api('POST', '/user', { body });
      made = true;
      notify(`${data.user.username} is made`);
      go(link(['users', data.user.id]));
    },
  });
  page.append(h('p', { class: 'crumbs' }, h('a', { href: '#/users' }, 'Users')), heading, h('div', { class: 'card medium' }, form.element));
  return { focus: fields[0].focus, isChanged: () => !made && form.isChanged() };
}

/** A new password, with a button that makes up a good one. */
export function passwordField(name, label) {
  const field = textField({ name, label, type: 'password', autocomplete: 'new-password', required: true });
  const invent = button('Make one up', () => {
    field.set(inventPassword());
    field.input.type = 'text';
    field.input.select();
  }, { kind: 'quiet' });
  field.element.querySelector('.joined').append(invent);
  return field;
}

/** 20 letters and digits, of which none look alike: some 115 random bits. */
function inventPassword() {
  const LETTERS = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';
  // Bytes beyond the last whole round are thrown away: each letter is as likely as any other.
  const fair = 256 - (256 % LETTERS.length);
  let text = '';
  while (text.length < 20) {
    for (const byte of crypto.getRandomValues(new Uint8Array(32))) {
      if (byte < fair && text.length < 20) text += LETTERS[byte % LETTERS.length];
    }
  }
  return text;
}
