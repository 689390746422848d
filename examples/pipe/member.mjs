#!/usr/bin/env node
// A member of a group in Node, by `groupcast pipe`. It says what is typed, and prints what the others say.
//
//     node examples/pipe/member.mjs --name node
//
// Whatever stands behind it are options of `groupcast pipe`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

class Member {
  constructor(...options) {
    const command = process.env.GROUPCAST ?? 'groupcast';
    this.process = spawn(command, ['pipe', '--json', ...options], { stdio: ['pipe', 'pipe', 'inherit'] });
  }

  // `how`: channel, class, confirm. Await it: it takes as long as the group takes no more.
  async send(text, how = {}) {
    const { stdin } = this.process;
    if (!stdin.write(JSON.stringify({ text, ...how }) + '\n')) await once(stdin, 'drain');
  }

  // Read them all the time: who does not is held up.
  async *events() {
    for await (const line of createInterface({ input: this.process.stdout })) yield JSON.parse(line);
  }

  // What was sent still arrives; the events end when it has.
  leave() {
    this.process.stdin.end();
  }
}

async function speak(member) {
  for await (const line of createInterface({ input: process.stdin })) {
    await member.send(line, { class: 'reliable-ordered', confirm: true });
  }
  member.leave();
}

const member = new Member(...process.argv.slice(2));
member.process.on('exit', (code) => process.exitCode = code ?? 1);
let speaking;
for await (const event of member.events()) {
  switch (event.event) {
    case 'joined':
      speaking ??= speak(member);
      break;
    case 'message':
      console.log(`${event.from}: ${event.text}`);
      break;
    case 'confirmed': case 'unconfirmed': case 'error': case 'gap':
      console.error(JSON.stringify(event));
  }
}
