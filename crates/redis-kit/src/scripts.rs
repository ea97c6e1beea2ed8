//! What Redis does in one step: scripts, which run alone and are never seen half done.
//!
//! A script that fails in its middle leaves behind what it has done so far, so
//! each of them first makes sure that nothing is in its way.

/// Changes many keys.
///
/// KEYS: with a guard its lock and its epoch, then those of each step. ARGV:
/// owner and epoch of the guard, the latter empty without one, then for each
/// step its name, how many milliseconds its key has (0 for no end) if it may
/// end, its channel if it has one, and its value if it has one.
///
/// Nothing is in the way when no key is missing and the user may do every
/// step. A server without room, or one that may not write, refuses the first
/// step that writes; after it, a script is let through to its end.
pub(crate) const CHANGE: &str = r"
local key, argument = 0, 0
local function next_key() key = key + 1; return KEYS[key] end
local function next_argument() argument = argument + 1; return ARGV[argument] end

local owner, epoch = next_argument(), next_argument()
if epoch ~= '' then
    local holder = redis.call('GET', next_key())
    local newest = redis.call('GET', next_key())
    if newest ~= epoch or (holder and holder ~= owner) then return {'fenced'} end
end

local function ends(on, expiry)
    if expiry == '0' then return {'PERSIST', on} end
    return {'PEXPIRE', on, expiry}
end
local first, later, told = {}, {}, {}
while argument < #ARGV do
    local name = next_argument()
    if name == 'publish' then
        table.insert(told, {'PUBLISH', next_argument(), next_argument()})
    elseif name == 'rename' or name == 'renew' then
        local on = next_key()
        if redis.call('EXISTS', on) == 0 then return {'missing', on} end
        table.insert(later, ends(on, next_argument()))
        if name == 'rename' then table.insert(later, {'RENAME', on, next_key()}) end
    elseif name == 'set' then
        local on, expiry, value = next_key(), next_argument(), next_argument()
        if expiry == '0' then table.insert(first, {'SET', on, value})
        else table.insert(first, {'SET', on, value, 'PX', expiry}) end
    elseif name == 'delete' then
        table.insert(later, {'DEL', next_key()})
    else
        return redis.error_reply('ERR no such step: ' .. name)
    end
end

for _, steps in ipairs({first, later, told}) do
    for _, step in ipairs(steps) do
        if redis.acl_check_cmd and not redis.acl_check_cmd(unpack(step)) then
            return redis.error_reply('NOPERM this user may not ' .. step[1] .. ' ' .. step[2])
        end
    end
end
for _, steps in ipairs({first, later, told}) do
    for _, step in ipairs(steps) do redis.call(unpack(step)) end
end
return {'made'}
";

/// Takes a lock, and counts.
///
/// KEYS: lock and epoch. ARGV: owner and how many milliseconds it is theirs.
/// Where there is no epoch, all keys may have been lost, and epochs of before
/// may still be about; seconds of the server's clock are higher than any of them.
pub(crate) const TAKE_LOCK: &str = r"
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    return redis.call('GET', KEYS[2])
end
if holder then return false end
local newest = redis.call('GET', KEYS[2]) or redis.call('TIME')[1]
local epoch = string.format('%.0f', newest + 1)
redis.call('SET', KEYS[2], epoch)
redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
return epoch
";

/// Keeps a lock. KEYS: lock. ARGV: owner and milliseconds.
pub(crate) const RENEW_LOCK: &str = r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
";

/// Lets go of a lock. KEYS: lock. ARGV: owner.
pub(crate) const RELEASE_LOCK: &str = r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
";
