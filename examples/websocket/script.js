'use strict';

// Only in memory: what is in `localStorage` outlives the tab.
let token;

const element = (id) => document.getElementById(id);

// Shows a connection: its state, and its last message or why it ended.
function show(id, state, detail) {
  const item = element(id);
  item.dataset.state = state.toLowerCase();
  item.querySelector('.state').textContent = state;
  item.querySelector('.detail').textContent = detail;
  const isOver = document.querySelector('[data-state=connecting], [data-state=open]') === null;
  element('login').hidden = !isOver;
  element('logout').hidden = element('logout-all').hidden = isOver;
}

// Opens a socket with these subprotocols, and sends a first message if there is one.
function openSocket(id, path, protocols, firstMessage) {
  show(id, 'Connecting', '-');
  const socket = new WebSocket(`${location.origin.replace('http', 'ws')}${path}`, protocols);
  socket.onopen = () => {
    if (firstMessage) socket.send(firstMessage);
  };
  socket.onmessage = ({ data }) => show(id, 'Open', `message ${data}`);
  socket.onclose = ({ code, reason }) => show(id, 'Ended', `code ${code}${reason && `: ${reason}`}`);
}

async function readStream(id, path) {
  show(id, 'Connecting', '-');
  try {
    const response = await fetch(path, { headers: { authorization: `Bearer ${token}` } });
    if (!response.ok) return show(id, 'Ended', `status ${response.status}`);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    // Each chunk is one small event here. In general, events end with an empty line.
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      show(id, 'Open', `event ${chunk.value.replace('data:', '').trim()}`);
    }
    show(id, 'Ended', 'end of the stream');
  } catch (error) {
    show(id, 'Ended', error.message);
  }
}

async function logIn() {
  const response = await fetch('/login', { method: 'POST' });
  token = await response.text();
  openSocket('protocol', '/socket', ['bearer', token]);
  openSocket('message', '/socket-by-message', [], token);
  readStream('stream', '/events');
}

const logOut = (path) => fetch(path, { method: 'POST', headers: { authorization: `Bearer ${token}` } });

element('login').onclick = logIn;
element('logout').onclick = () => logOut('/logout');
element('logout-all').onclick = () => logOut('/logout-all');
logIn();
