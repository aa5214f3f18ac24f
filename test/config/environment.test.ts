import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  environmentName,
  expandVariables,
  flagIdentity,
  flagName,
  lacksVariables,
  parseEnvironmentFile,
  prepareToolEnvironment,
} from '../../src/config/environment.ts'

const level = fc.stringMatching(/^[a-z][a-zA-Z0-9]{0,8}$/)
const key = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join('.'))

describe('names of keys', () => {
  test.each([
    ['ebs.accessKey', 'EBS_ACCESSKEY', 'ebsAccessKey'],
    ['linux.volume.fileMode', 'LINUX_VOLUME_FILEMODE', 'linuxVolumeFileMode'],
    [
      'libstorage.integration.volume.operations.mount.preempt',
      'LIBSTORAGE_INTEGRATION_VOLUME_OPERATIONS_MOUNT_PREEMPT',
      'libstorageIntegrationVolumeOperationsMountPreempt',
    ],
  ])('%s is %s and --%s', (path, variable, flag) => {
    expect(environmentName(path)).toBe(variable)
    expect(flagName(path)).toBe(flag)
  })

  test('a variable is one that a shell can set, and has a word for each level', () => {
    fc.assert(
      fc.property(key, (path) => {
        expect(environmentName(path)).toMatch(/^[A-Z][A-Z0-9_]*$/)
        expect(environmentName(path).split('_')).toHaveLength(path.split('.').length)
      }),
    )
  })

  test('a key and its flag are the same in any case', () => {
    fc.assert(
      fc.property(key, (path) => {
        expect(flagIdentity(flagName(path).toUpperCase())).toBe(flagIdentity(path))
      }),
    )
  })
})

describe('variables in texts', () => {
  const env = { HOME: '/root', EMPTY: '' }

  test('both forms are replaced, and one that is missing counts as empty', () => {
    expect(expandVariables('$HOME/v', env)).toBe('/root/v')
    expect(expandVariables(`a\${HOME}b`, env)).toBe('a/rootb')
    expect(expandVariables('[$MISSING]', env)).toBe('[]')
  })

  test('any other dollar sign stays', () => {
    for (const text of ['cost $5', 'a$', '${', '$-']) expect(expandVariables(text, env)).toBe(text)
  })

  test('what is missing can be told from what is empty', () => {
    expect(lacksVariables('$MISSING', env)).toBe(true)
    expect(lacksVariables('$EMPTY$HOME', env)).toBe(false)
  })
})

test('an environment file has names, quotes, exports and comments', () => {
  const text = '# X=0\nA=1\n  export B="two words"\nC=\'3\'\nD=\n= 5\nE=a=b\n'
  expect(parseEnvironmentFile(text)).toEqual({ A: '1', B: 'two words', C: '3', D: '', E: 'a=b' })
})

describe('the environment for tools', () => {
  test('speaks English and finds the tools of the system behind the own ones', () => {
    expect(
      prepareToolEnvironment({ PATH: '/opt/bin:/sbin', LC_ALL: 'de_DE.UTF-8', A: 'b' }),
    ).toEqual({
      PATH: '/opt/bin:/sbin:/usr/local/sbin:/usr/sbin',
      LC_ALL: 'C',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      A: 'b',
    })
  })

  test('has a path where there was none', () => {
    const path = prepareToolEnvironment({})['PATH']
    expect(path).toBe('/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin')
  })
})
