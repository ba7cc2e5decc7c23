import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { describeWithRabbitmq, startRabbitmq } from './rabbitmq.ts'
import { accepts } from './server.ts'

describeWithRabbitmq('startRabbitmq', () => {
  it('starts a node of its own, which comes again on the same port after it was killed', async () => {
    const server = await startRabbitmq()
    expect(await server.control('list_vhosts')).toBe('/\n')
    await server.kill()
    expect(await accepts(server.port)).toBe(false)
    await server.restart()
    const greeting = await new Promise((resolve) => {
      const socket = connect(server.port, '127.0.0.1', () => socket.write('AMQP\0\0\x09\x01'))
      socket.once('data', (data) => {
        resolve(data.toString('latin1'))
        socket.destroy()
      })
    })
    expect(greeting).toContain('RabbitMQ')
    await server.stop()
    await server.stop()
    expect(await accepts(server.port)).toBe(false)
  }, 90_000)
})
