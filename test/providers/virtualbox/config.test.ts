import { expect, test } from 'vitest'
import { virtualboxSettings } from '../../../src/providers/virtualbox/config.ts'

test.each(['10.0.2.2:18083', 'ftp://10.0.2.2', 'nope'])(
  'endpoint %s is refused with what one looks like',
  (endpoint) => {
    const wrong = virtualboxSettings.safeParse({ endpoint })
    expect(wrong.error?.issues[0]?.message).toBe('must be a URL such as http://10.0.2.2:18083')
  },
)
