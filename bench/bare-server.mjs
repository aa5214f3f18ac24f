// What node:http can do at best: a constant answer on a unix socket, each connection closed as the program closes it.
import { createServer } from 'node:http'

const [, , socket, reply] = process.argv
createServer((request, response) => {
  request.resume()
  request.once('end', () => {
    response.writeHead(200, {
      Connection: 'close',
      'Content-Type': 'application/vnd.docker.plugins.v1.2+json',
      'Content-Length': Buffer.byteLength(reply),
    })
    response.end(reply)
  })
}).listen(socket)
