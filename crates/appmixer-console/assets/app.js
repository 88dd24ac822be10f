// The console's one page: signing in and out, and the first administrator.

const session = "/console/session";
const element = (id) => document.getElementById(id);
const form = element("form");
let csrf = null;

async function call(method, path, body) {
  const headers = {};
  if (body) headers["Content-Type"] = "application/json";
  if (csrf) headers["X-CSRF-Token"] = csrf;
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const json = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(json.message), { status: answer.status });
  return json;
}

function setUpCode() {
  const found = /^#\/setup\/([\w.-]+)$/.exec(location.hash);
  return found && found[1];
}

function show(status, isSignedIn) {
  element("status").textContent = status;
  form.hidden = isSignedIn;
  element("sign-out").hidden = !isSignedIn;
  element("submit").textContent = setUpCode() ? "Make the first administrator" : "Sign in";
}

function signedIn(answer) {
  csrf = answer.csrf;
  form.reset();
  if (setUpCode()) history.replaceState(null, "", "#/");
  show(`Signed in as ${answer.user.username}.`, true);
}

function signedOut(status = "Please sign in.") {
  csrf = null;
  show(setUpCode() ? "There is no administrator yet: choose a username and a password." : status, false);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const given = Object.fromEntries(new FormData(form));
  const code = setUpCode();
  try {
    signedIn(code ? await call("POST", "/console/setup", { code, ...given }) : await call("POST", session, given));
  } catch (error) {
    element("status").textContent = error.message;
  }
});

element("sign-out").addEventListener("click", async () => {
  try {
    await call("DELETE", session);
    signedOut("Signed out.");
  } catch (error) {
    element("status").textContent = error.message;
  }
});

window.addEventListener("hashchange", () => csrf || signedOut());

call("GET", session).then(signedIn, (error) => signedOut(error.status === 401 ? undefined : error.message));
