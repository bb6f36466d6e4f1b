// MQTT.js against a site or the lab. One argument: JSON {url, publisher, subscriber, base, state, node_modules}.
// publisher and subscriber are {id, cert, key, ca} (paths; none in the lab). Lines "ok ..." and "not ok ..." out.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'

const task = JSON.parse(process.argv[2])
const mqtt = createRequire(task.node_modules + '/')('mqtt')
const BURST = process.env.RELEASE ? 5000 : 2000, PATIENCE = 20000
let failed = 0

function check(claim, good, detail) {
  if (!good) failed++
  console.log(`${good ? 'ok' : 'not ok'} ${claim}${good || detail === undefined ? '' : ' # ' + String(detail).slice(0, 300)}`)
}

function within(promise, what) {
  let timer
  const late = new Promise((_, refuse) => { timer = setTimeout(() => refuse(new Error('too late: ' + what)), PATIENCE) })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

async function connect(who, version, suffix, more = {}) {
  const tls = who.cert ? { cert: readFileSync(who.cert), key: readFileSync(who.key), ca: readFileSync(who.ca) } : {}
  const client = mqtt.connect(task.url, {
    clientId: `${who.id}/${suffix}`, protocolVersion: version, clean: true, reconnectPeriod: 0, keepalive: 30, ...tls, wsOptions: tls, ...more,
  })
  client.got = []
  client.on('message', (topic, payload, packet) => { client.got.push({ topic, text: payload.toString(), packet }); client.heard?.() })
  await within(new Promise((done, refuse) => { client.once('connect', (connack) => { more.told?.(connack); done() }); client.once('error', refuse) }), 'connect')
  return client
}

function enough(client, n) {
  if (client.got.length >= n) return Promise.resolve()
  return within(new Promise((done) => { client.heard = () => client.got.length >= n && done() }), `${client.got.length} of ${n} messages`)
}

function inOrder(got, n, prefix) {
  return got.length === n && got.every((m, i) => m.text === `${prefix}${i}`)
}

async function flow(version, qos) {
  const topic = `${task.base}/flow/${version}/${qos}`
  const sub = await connect(task.subscriber, version, 's'), pub = await connect(task.publisher, version, 'p')
  const granted = await sub.subscribeAsync(topic, { qos })
  for (let i = 0; i < 20; i++) await within(pub.publishAsync(topic, `m${i}`, { qos }), 'publish')
  await enough(sub, 20)
  check(`version ${version} QoS ${qos}: 20 messages, in order`, inOrder(sub.got, 20, 'm') && sub.got.every((m) => m.packet.qos === qos)
    && granted[0].qos === qos, `granted ${granted[0].qos}, got ${sub.got.length} at ${sub.got[0]?.packet.qos}`)
  await pub.endAsync()
  await sub.endAsync()
}

async function retained(version) {
  const topic = `${task.state}/retained${version}`
  const pub = await connect(task.publisher, version, 'p')
  await pub.publishAsync(topic, 'kept', { qos: 1, retain: true })
  const sub = await connect(task.subscriber, version, 's')
  await sub.subscribeAsync(topic, { qos: 1 })
  await enough(sub, 1)
  check(`version ${version}: a retained message waits for who comes later`, sub.got[0].text === 'kept' && sub.got[0].packet.retain)
  await pub.publishAsync(topic, '', { qos: 1, retain: true })
  const late = await connect(task.subscriber, version, 't')
  await late.subscribeAsync(topic, { qos: 1 })
  await pub.publishAsync(topic, 'live', { qos: 1 })
  await enough(late, 1)
  check(`version ${version}: an empty one clears it`, late.got.length === 1 && late.got[0].text === 'live' && !late.got[0].packet.retain)
  for (const c of [pub, sub, late]) await c.endAsync()
}

async function will(version) {
  const topic = `${task.state}/will${version}`
  const sub = await connect(task.subscriber, version, 's')
  await sub.subscribeAsync(topic, { qos: 1 })
  const doomed = await connect(task.publisher, version, 'w', { will: { topic, payload: Buffer.from('gone'), qos: 1, retain: false } })
  doomed.on('error', () => {})
  doomed.stream.destroy()
  await enough(sub, 1)
  check(`version ${version}: the will of who broke off`, sub.got[0].text === 'gone')
  const polite = await connect(task.publisher, version, 'w', { will: { topic, payload: Buffer.from('never'), qos: 1, retain: false } })
  await polite.endAsync()
  const pub = await connect(task.publisher, version, 'p')
  await pub.publishAsync(topic, 'after', { qos: 1 })
  await enough(sub, 2)
  check(`version ${version}: no will of who said goodbye`, sub.got[1].text === 'after')
  await pub.endAsync()
  await sub.endAsync()
}

// MQTT.js does not keep to the receive maximum it was told (MQTT 5, 3.3.4-7): in version 5 we do it for it.
async function burst(version, qos) {
  const topic = `${task.base}/burst/${version}/${qos}`
  const sub = await connect(task.subscriber, version, 's')
  let window = BURST
  const told = (connack) => { window = connack.properties?.receiveMaximum ?? BURST }
  const pub = await connect(task.publisher, version, 'p', { told })
  await sub.subscribeAsync(topic, { qos })
  const began = Date.now(), sent = []
  for (let i = 0; i < BURST; i++) {
    if (i >= window) await within(sent[i - window], 'acknowledgement')
    sent.push(pub.publishAsync(topic, `b${i}`, { qos }))
  }
  await within(Promise.all(sent), 'acknowledgements')
  await enough(sub, BURST)
  check(`version ${version}: a burst of ${BURST} at QoS ${qos}: none lost, none twice, in order (${Date.now() - began} ms)`, inOrder(sub.got, BURST, 'b'), sub.got.length)
  await pub.endAsync()
  await sub.endAsync()
}

async function properties() {
  const topic = `${task.base}/properties`
  const sub = await connect(task.subscriber, 5, 's'), pub = await connect(task.publisher, 5, 'p')
  await sub.subscribeAsync(topic, { qos: 1, properties: { subscriptionIdentifier: 77 } })
  const properties = { contentType: 'application/json', payloadFormatIndicator: true, correlationData: Buffer.from('c-1'),
    messageExpiryInterval: 60, userProperties: { unit: 'm', site: '水' } }
  await pub.publishAsync(topic, '{}', { qos: 1, properties })
  await enough(sub, 1)
  const p = sub.got[0].packet.properties ?? {}
  check('version 5: properties arrive as they were sent', p.contentType === 'application/json' && p.userProperties?.unit === 'm'
    && p.userProperties?.site === '水' && p.correlationData?.toString() === 'c-1' && p.messageExpiryInterval <= 60
    && p.payloadFormatIndicator === true && p.subscriptionIdentifier === 77, JSON.stringify(p))
  await pub.endAsync()
  await sub.endAsync()
}

const steps = [[burst, 4, 1], [burst, 4, 2], [burst, 5, 1], [burst, 5, 2], [properties]]
for (const version of [4, 5]) steps.push([flow, version, 0], [flow, version, 1], [flow, version, 2], [retained, version], [will, version])
for (const [step, ...args] of steps) {
  try {
    await step(...args)
  } catch (e) {
    check(`${step.name} ${args.join(' ')}`, false, e.message)
  }
}
process.exit(failed ? 1 : 0)
