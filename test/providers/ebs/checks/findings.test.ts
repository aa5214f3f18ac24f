import { expect, test } from 'vitest'
import { saidBy } from '../../../../src/providers/ebs/checks/findings.ts'

test('what AWS says of a signature goes without the request, in which the session token stands', () => {
  const error = Object.assign(
    new Error(
      "The request signature we calculated does not match. Check your key.\n\nThe Canonical String for this request should have been\n'POST\n/\n\nx-amz-security-token:IQoJb3JpZ2luX2VjEXAMPLE\n'\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256'\n",
    ),
    { name: 'SignatureDoesNotMatch', $metadata: {} },
  )
  expect(saidBy(error)).toBe(
    'SignatureDoesNotMatch: The request signature we calculated does not match. Check your key',
  )
})
