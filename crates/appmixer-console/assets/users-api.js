// The users, as the API has them.

import { api, ApiError, get } from './api.js?v=VERSION';

export const SCOPES = ['user', 'admin', 'developer', 'tester', 'private'];
export const PLANS = ['free', 'beta', 'subscription'];
export const MAX_METADATA_BYTES = 16_384;

const ID = /^[0-9a-f]{24}$/;

export const isId = (text) => ID.test(text);

/** One page of those who match, and how many there are on all pages. */
export async function listUsers({ pattern, filters, sort, limit, offset }, signal) {
  const query = [['limit', limit], ['offset', offset], ['sort', sort]];
  if (pattern) query.push(['pattern', pattern]);
  for (const [name, value] of filters) query.push(['filter', name === 'isActive' && value === 'pending' ? value : `${name}:${value}`]);
  const { data, headers } = await api('GET', '/users', { query, signal });
  const total = Number(headers.get('X-Total-Count') ?? Number.NaN);
  return { users: data, total: Number.isFinite(total) ? total : data.length };
}

export const getUser = (id) => get(`/users/${encodeURIComponent(id)}`, { query: [['include', 'allowedPrivateComponents,confirmationPending']] });

/** The user with this id, username or email; `null` where there is none. */
export async function findUser(name, signal) {
  try {
    if (isId(name)) return await get(`/users/${name}`, { signal });
    const query = [['pattern', name], ['limit', 100], ['sort', 'username:1']];
    const users = await get('/users', { query, signal });
    const wanted = fold(name);
    return users.find(({ username, email }) => fold(username) === wanted || fold(email) === wanted) ?? null;
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

/** Names compare like this. */
const fold = (name) => name.normalize('NFC').toLowerCase();

const names = new Map();
const MOST_NAMES = 2000;

/** What to call a user by its id: for lists that have ids alone. Remembered, but for what could not be got. */
export function nameOf(id) {
  if (!names.has(id)) {
    if (names.size >= MOST_NAMES) names.clear();
    const found = findUser(id).then((user) => user?.username ?? null);
    found.catch(() => names.delete(id));
    names.set(id, found);
  }
  return names.get(id);
}

/** Deletes a user and waits for the end of it. `tell` is told how it goes. */
export async function deleteUser(id, tell) {
  const { data } = await api('DELETE', `/users/${id}`);
  tell('Deleting …');
  for (let wait = 100; ; wait = Math.min(wait * 2, 2000)) {
    const { status } = await get(`/users/${id}/delete-status/${data.ticket}`);
    if (status === 'completed') {
      names.delete(id);
      return;
    }
    if (status === 'failed') throw new ApiError(500, { message: 'The deletion failed; the log of the server tells why' });
    tell(`Deleting (${status}) …`);
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}
