// The fields of a user that an administrator may set, for a new one and for one that is there.

import { switchField, textField, wordsField } from './field.js?v=VERSION';
import { jsonField } from './json-field.js?v=VERSION';
import { MAX_METADATA_BYTES, PLANS, SCOPES } from './users-api.js?v=VERSION';

/** The fields, filled with what `user` has. */
export function userFields(user) {
  return [
    textField({ name: 'username', label: 'Username', value: user.username, required: true }),
    textField({
      name: 'email', label: 'Email', value: user.email, required: false, hint: 'Without one it is the username.',
    }),
    wordsField({
      name: 'scope', label: 'Scopes', value: user.scope, suggestions: SCOPES,
      hint: 'What the user may do. “admin” may use this console; “private” sees private components.',
    }),
    textField({ name: 'plan', label: 'Plan', value: user.plan, list: PLANS, required: true }),
    wordsField({ name: 'vendor', label: 'Vendors', value: user.vendor ?? [], hint: 'None, one or several.' }),
    switchField({
      name: 'isActive', label: 'Active', value: user.isActive, hint: 'The email address is confirmed.',
    }),
    wordsField({
      name: 'allowedPrivateComponents', label: 'Private components', value: user.allowedPrivateComponents ?? [],
      hint: 'Names of private components that this user sees all the same.',
    }),
    jsonField({
      name: 'metadata', label: 'Metadata', value: user.metadata, onlyObject: true, most: MAX_METADATA_BYTES,
      hint: 'A JSON object of your own.',
    }),
  ];
}

/** The members whose values are other than those of `user`, as the API takes them. */
export function changedMembers(fields, user) {
  const changed = {};
  for (const { name, value } of fields) {
    const now = apiValue(name, value());
    if (JSON.stringify(now) !== JSON.stringify(user[name])) changed[name] = now;
  }
  // `null` means that a member stays: an address that was taken away becomes the username.
  if (changed.email === null) changed.email = changed.username ?? user.username;
  return changed;
}

/** No vendors are `null`, and no address is none. */
export function apiValue(name, value) {
  if (name === 'vendor') return value.length > 0 ? value : null;
  if (name === 'email') return value.trim() || null;
  return typeof value === 'string' ? value.trim() : value;
}
