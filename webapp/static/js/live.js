// Follows what runs: every element with `data-live` gets the event "poll" (its hx-trigger), each second at
// first, then ever more slowly while nothing changes (204), and not at all while the tab is hidden. The server
// leaves `data-live` out once there is nothing left to follow, which ends the polling.

const FIRST_MS = 1000;
const SLOWEST_MS = 5000;
const SLOWING = 1.35;

let wait = FIRST_MS;
let timer = 0;

function poll() {
  const followed = document.querySelectorAll("[data-live]");
  if (!followed.length || document.hidden) return;
  followed.forEach((element) => htmx.trigger(element, "poll", {}, false));
  timer = setTimeout(poll, wait);
  wait = Math.min(wait * SLOWING, SLOWEST_MS);
}

function startAgain() {
  clearTimeout(timer);
  wait = FIRST_MS;
  timer = setTimeout(poll, FIRST_MS);
}

document.addEventListener("htmx:after:swap", startAgain);
document.addEventListener("visibilitychange", startAgain);
startAgain();
