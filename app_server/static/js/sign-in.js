// Makes the code step quicker; the page works without it. Counts the wait down, and sends the code once it is complete.

const form = document.getElementById("code-form");
const code = document.getElementById("code");
const resend = document.getElementById("resend-form");
const note = document.getElementById("resend-note");
const button = document.getElementById("resend");

code.addEventListener("input", () => {
  code.value = code.value.replace(/\D/g, "").slice(0, 6);
  if (code.value.length === 6) form.requestSubmit();
});

const until = performance.now() + Number(resend.dataset.wait) * 1000;

function tick() {
  const left = Math.ceil((until - performance.now()) / 1000);
  const waiting = left > 0;
  button.disabled = waiting;
  note.hidden = !waiting;
  if (waiting) {
    note.textContent = note.dataset.words.replace("{seconds}", String(left));
    setTimeout(tick, 1000);
  }
}
tick();
