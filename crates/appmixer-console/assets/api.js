// Talks to the server: the public API below /console/api, with the cookie of the session and its CSRF token.

/** The address of `/console/`, wherever the page's own address ends. */
const HOME = new URL('..', import.meta.url);

/** What the server refused, in the contract's words; `status` 0 is a server that was not reached. */
export class ApiError extends Error {
  constructor(status, body, headers) {
    super(body.message || `The server answered with status ${status}`);
    this.status = status;
    /** What is wrong with which member: `[{path, message}]`. */
    this.details = Array.isArray(body.details) ? body.details : [];
    this.requestId = headers?.get('X-Request-Id') ?? null;
    const seconds = Number(headers?.get('Retry-After'));
    this.retryAfter = Number.isFinite(seconds) && seconds > 0 ? seconds : null;
  }
}

let csrf = null;
let signInAgain = async () => false;
let refreshCsrf = async () => false;

/** What goes along with each change; `null` before there is a session. */
export function setCsrf(token) {
  csrf = token;
}

/**
 * What to do when the session has ended, and when its CSRF token may be another one, since somebody signed in in
 * another tab. Both answer whether to try again.
 */
export function onSessionTrouble(handlers) {
  signInAgain = handlers.signInAgain;
  refreshCsrf = handlers.refreshCsrf;
}

/** One request below `/console/`, as it is. */
export async function request(method, path, { query, body, signal } = {}) {
  const url = new URL(path, HOME);
  for (const [name, value] of query ?? []) url.searchParams.append(name, value);
  const headers = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (csrf !== null && method !== 'GET') headers['X-CSRF-Token'] = csrf;
  let response;
  let text;
  try {
    response = await fetch(url, {
      method,
      headers,
      signal,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
    });
    text = await response.text();
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, { message: 'The server cannot be reached. Is it running, and are you online?' });
  }
  let data = null;
  try {
    data = JSON.parse(text);
  } catch {
    data = { message: `Something that is not this server answered (status ${response.status})` };
    if (response.ok) throw new ApiError(0, data);
  }
  if (!response.ok) throw new ApiError(response.status, data ?? {}, response.headers);
  return { data, headers: response.headers };
}

/** One request of the API; when the session has ended, it is tried again once somebody has signed in. */
export async function api(method, path, options = {}) {
  const target = `api${path}`;
  try {
    return await request(method, target, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    const again =
      (error.status === 401 && (await signInAgain())) ||
      (error.status === 403 && method !== 'GET' && (await refreshCsrf()));
    if (!again) throw error;
    return request(method, target, options);
  }
}

/** The answer of a `GET`. */
export async function get(path, options) {
  return (await api('GET', path, options)).data;
}
