# SPDX-License-Identifier: GPL-2.0-or-later
#requires -Version 5.1
<#
.SYNOPSIS
portcullis-agent for Windows 10 and 11, of nothing but what Windows ships, and WireGuard for Windows.
.DESCRIPTION
README.md beside this script says what it reports, what it cannot do, and that it has not been tried
on Windows. From an administrator's PowerShell:

  .\portcullis-agent.ps1 enroll LINK      redeem an invitation and install the tunnel
  .\portcullis-agent.ps1 install          report from now on, by a scheduled task
  .\portcullis-agent.ps1 uninstall        stop that
  .\portcullis-agent.ps1 post | run       report once; or again at a third of each lease
  .\portcullis-agent.ps1 facts | status   what would be reported; how this computer stands

Exit: 0 in, 1 refused or in quarantine, 2 usage, 3 the gateway cannot be reached.
#>
[CmdletBinding()]
param(
    [Parameter(Position = 0, Mandatory = $true)]
    [ValidateSet('enroll', 'enrol', 'install', 'uninstall', 'post', 'run', 'facts', 'status')]
    [string]$Verb,
    [Parameter(Position = 1)][string]$Link,
    [string]$Code,
    [string]$Gateway
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$Folder = Join-Path $env:ProgramFiles 'Portcullis'      # where nobody but administrators writes
$Settings = Join-Path $Folder 'settings.json'
$WireGuard = Join-Path $env:ProgramFiles 'WireGuard'
$KeyName = 'portcullis-agent'
$TaskName = 'Portcullis agent'
$Life = 600
$Week = 7

function Stop-With([int]$ExitCode, [string]$Why) {
    [Console]::Error.WriteLine("portcullis-agent: $Why")
    exit $ExitCode
}

function Assert-Administrator {
    $me = New-Object Security.Principal.WindowsPrincipal([Security.Principal.WindowsIdentity]::GetCurrent())
    if (-not $me.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
        Stop-With 2 'this needs an administrator''s PowerShell'
    }
}

# --- texts ---------------------------------------------------------------------------------------

function ConvertTo-Base64Url([byte[]]$Bytes) {
    [Convert]::ToBase64String($Bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_')
}
function Get-Sha256([byte[]]$Bytes) {
    $sha = [Security.Cryptography.SHA256]::Create()
    try { , $sha.ComputeHash($Bytes) } finally { $sha.Dispose() }
}
function ConvertTo-Hex([byte[]]$Bytes) { -join ($Bytes | ForEach-Object { $_.ToString('x2') }) }
function New-RandomBytes([int]$Count) {
    $bytes = New-Object byte[] $Count
    $rng = [Security.Cryptography.RandomNumberGenerator]::Create()
    try { $rng.GetBytes($bytes) } finally { $rng.Dispose() }
    , $bytes
}
function Get-UnixTime([datetime]$When) {
    [long][Math]::Floor(($When.ToUniversalTime() - [datetime]'1970-01-01').TotalSeconds)
}
# What came over the network, on a terminal: plain ASCII, at most 400 characters.
function Format-Shown($Text) {
    $plain = [string]$Text -replace '[^\x20-\x7e]', '?'
    if ($plain.Length -gt 400) { $plain.Substring(0, 400) } else { $plain }
}
# A member of an object that came as JSON; nothing when it is not there.
function Get-Field($Object, [string]$Name) {
    if ($null -ne $Object -and $Object.PSObject.Properties[$Name]) { $Object.$Name }
}

# \A and \z: a value is looked at as a whole, so that no line of it can hide behind a good one.
function Test-Name($v) { $v -is [string] -and $v -cmatch '\A[a-z0-9][a-z0-9._-]{0,62}\z' }
function Test-Audience($v) { $v -is [string] -and $v -cmatch '\A[\x21-\x7e]{1,127}\z' }
function Test-Number($v, [long]$Most) { ($v -is [int] -or $v -is [long]) -and $v -ge 0 -and $v -le $Most }
function Test-Key($v) { $v -is [string] -and $v -cmatch '\A[A-Za-z0-9+/]{43}=\z' }
function Test-Address($v) {
    $ip = $null
    $v -is [string] -and $v -cmatch '\A([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)\z' -and
        [Net.IPAddress]::TryParse($v, [ref]$ip)
}
function Test-Network($v) {
    if ($v -isnot [string] -or $v -cnotmatch '\A[^/]+(/([0-9]{1,2}|1[01][0-9]|12[0-8]))?\z') { return $false }
    Test-Address ($v -split '/')[0]
}
function Test-Endpoint($v) {
    if ($v -isnot [string] -or $v -cnotmatch '\A(.+):([0-9]{1,5})\z' -or [int]$Matches[2] -gt 65535) { return $false }
    $h = $Matches[1]
    if ($h -cmatch '\A\[(.+)\]\z') { return Test-Address $Matches[1] }
    $h -cmatch '\A[A-Za-z0-9][A-Za-z0-9.-]{0,252}\z'
}

# --- TLS with a pinned key -------------------------------------------------------------------------

# One request over TLS to a server that must have the key of the link. Its certificate is asked for
# nothing else. In C#, because PowerShell's own requests cannot pin a key in both its editions.
$TlsSource = @'
using System;
using System.IO;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Text;

public static class PortcullisTls
{
    const int AnswerMax = 262144;
    const int PatienceMs = 20000;

    // Where the content of the DER element at `at` begins; its length.
    static int Content(byte[] d, int at, out int length)
    {
        int n = d[at + 1], bytes = n & 0x7f;
        length = n;
        if (n < 0x80)
            return at + 2;
        if (bytes < 1 || bytes > 3)
            throw new InvalidDataException("certificate");
        length = 0;
        for (int i = 0; i < bytes; i++)
            length = length << 8 | d[at + 2 + i];
        return at + 2 + bytes;
    }

    static int Skip(byte[] d, int at)
    {
        int length, content = Content(d, at, out length);
        if (length > d.Length - content)
            throw new InvalidDataException("certificate");
        return content + length;
    }

    // RFC 5280, 4.1: version, serial number, signature, issuer, validity and subject come first.
    public static byte[] PublicKeyInfo(byte[] der)
    {
        int length, at = Content(der, Content(der, 0, out length), out length);
        if (der[at] == 0xa0)
            at = Skip(der, at);
        for (int i = 0; i < 5; i++)
            at = Skip(der, at);
        byte[] spki = new byte[Skip(der, at) - at];
        Array.Copy(der, at, spki, 0, spki.Length);
        return spki;
    }

    static bool Pinned(byte[] der, string pin)
    {
        using (SHA256 sha = SHA256.Create())
        {
            string got = Convert.ToBase64String(sha.ComputeHash(PublicKeyInfo(der)));
            return got.TrimEnd('=').Replace('+', '-').Replace('/', '_') == pin;
        }
    }

    static byte[] Exchange(Stream s, byte[] request)
    {
        s.Write(request, 0, request.Length);
        s.Flush();
        using (MemoryStream answer = new MemoryStream())
        {
            byte[] part = new byte[8192];
            int n;
            while ((n = s.Read(part, 0, part.Length)) > 0)
            {
                answer.Write(part, 0, n);
                if (answer.Length > AnswerMax)
                    throw new InvalidDataException("the answer is too long");
            }
            return answer.ToArray();
        }
    }

    // The first of the host's addresses that answers.
    static TcpClient Connect(string host, int port)
    {
        foreach (IPAddress a in Dns.GetHostAddresses(host))
        {
            TcpClient tcp = new TcpClient(a.AddressFamily);
            tcp.ReceiveTimeout = tcp.SendTimeout = PatienceMs;
            try
            {
                if (tcp.ConnectAsync(a, port).Wait(PatienceMs))
                    return tcp;
            }
            catch (AggregateException)
            {
            }
            tcp.Close();
        }
        throw new IOException("no answer");
    }

    // The whole answer, head and body, as text.
    public static string Post(string host, int port, string path, string body, string pin)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(body);
        string head = "POST " + path + " HTTP/1.1\r\nHost: " + (host.Contains(":") ? "[" + host + "]" : host) +
            ":" + port + "\r\nContent-Type: application/json\r\nContent-Length: " + bytes.Length +
            "\r\nConnection: close\r\n\r\n";
        using (TcpClient tcp = Connect(host, port))
        {
            using (SslStream tls = new SslStream(tcp.GetStream(), false,
                (sender, certificate, chain, errors) => certificate != null && Pinned(certificate.GetRawCertData(), pin)))
            {
                tls.AuthenticateAsClient(host, null, SslProtocols.Tls12, false);
                byte[] request = new byte[Encoding.ASCII.GetByteCount(head) + bytes.Length];
                int at = Encoding.ASCII.GetBytes(head, 0, head.Length, request, 0);
                Array.Copy(bytes, 0, request, at, bytes.Length);
                return Encoding.UTF8.GetString(Exchange(tls, request));
            }
        }
    }
}
'@

# Status and JSON of an answer; nothing that is chunked, cut or no JSON is taken.
function Read-Answer([string]$Text) {
    $parts = $Text -split "`r`n`r`n", 2
    if ($parts.Count -ne 2 -or $parts[0] -cnotmatch '\AHTTP/1\.[01] ([0-9]{3}) ' ) { throw 'no answer of HTTP' }
    $status = [int]$Matches[1]
    if ($parts[0] -match '(?m)^Transfer-Encoding:') { throw 'an answer in pieces' }
    @{ Status = $status; Body = (ConvertFrom-Json $parts[1]) }
}

# --- the signing key -------------------------------------------------------------------------------

$Providers = 'Microsoft Platform Crypto Provider', 'Microsoft Software Key Storage Provider'

# In the TPM where there is one. In both cases Windows signs and never gives the key out.
function New-SigningKey {
    foreach ($name in $Providers) {
        try {
            $p = New-Object Security.Cryptography.CngKeyCreationParameters
            $p.Provider = New-Object Security.Cryptography.CngProvider $name
            $p.ExportPolicy = [Security.Cryptography.CngExportPolicies]::None
            $p.KeyCreationOptions = [Security.Cryptography.CngKeyCreationOptions]::MachineKey -bor
                [Security.Cryptography.CngKeyCreationOptions]::OverwriteExistingKey
            return [Security.Cryptography.CngKey]::Create([Security.Cryptography.CngAlgorithm]::ECDsaP256, $KeyName, $p)
        } catch { Write-Verbose "${name}: $_" }
    }
    throw 'Windows makes no P-256 key'
}

function Open-SigningKey([string]$Provider) {
    [Security.Cryptography.CngKey]::Open($KeyName, (New-Object Security.Cryptography.CngProvider $Provider),
        [Security.Cryptography.CngKeyOpenOptions]::MachineKey)
}

# x and y: the blob is a magic number, a length, and these.
function Get-PublicXY($Key) {
    $blob = $Key.Export([Security.Cryptography.CngKeyBlobFormat]::EccPublicBlob)
    if ($blob.Length -ne 72) { throw 'the key is not of P-256' }
    , [byte[]]$blob[8..71]
}
function Get-Kid($Key) { 'dev-' + (ConvertTo-Hex (Get-Sha256 (Get-PublicXY $Key))).Substring(0, 16) }

# ECDsaCng signs as JWS wants it: two numbers of 32 bytes.
function New-Signature($Key, [string]$Text) {
    $ecdsa = New-Object Security.Cryptography.ECDsaCng $Key
    try {
        $bytes = $ecdsa.SignData([Text.Encoding]::ASCII.GetBytes($Text), [Security.Cryptography.HashAlgorithmName]::SHA256)
        if ($bytes.Length -ne 64) { throw 'the signature is not of P-256' }
        ConvertTo-Base64Url $bytes
    } finally { $ecdsa.Dispose() }
}

# --- facts -----------------------------------------------------------------------------------------

$Facts = New-Object Collections.Specialized.OrderedDictionary    # name -> @{ Value; From }
$Unknown = New-Object Collections.Specialized.OrderedDictionary  # name -> why

function Put([string]$Name, $Value, [string]$From) { $Facts[$Name] = @{ Value = $Value; From = $From } }
function Put-Unknown([string]$Name, [string]$Why) { $Unknown[$Name] = $Why }
# The gateway refuses a report of which one value is not as it must be: such a fact is left out.
function Put-Version([string]$Name, $Value, [string]$From) {
    if ("$Value" -cmatch '\A[0-9]+(\.[0-9]+)*\z' -and "$Value".Length -le 63) { Put $Name "$Value" $From }
    else { Put-Unknown $Name "$From does not say a number" }
}
function Put-Time([string]$Name, $Value, [string]$From) {
    if ($Value -is [datetime] -and $Value.Year -ge 2000) { Put $Name (Get-UnixTime $Value) $From }
    else { Put-Unknown $Name "$From does not say a time" }
}

# Runs what gathers; whatever it could not say is unknown, with Windows' own reason.
function Get-Fact([string[]]$Names, [scriptblock]$Gather) {
    $why = 'Windows does not say'
    try { & $Gather } catch { $why = Format-Shown $_.Exception.Message }
    foreach ($name in $Names) {
        if (-not $Facts.Contains($name) -and -not $Unknown.Contains($name)) { Put-Unknown $name $why }
    }
}
function Get-Registry([string]$Path, [string]$Name) {
    $key = Get-ItemProperty -LiteralPath $Path -ErrorAction SilentlyContinue
    if ($key -and $key.PSObject.Properties[$Name]) { $key.$Name }
}

function Get-SystemFacts {
    Get-Fact 'os.family', 'os.ver', 'os.build' {
        $os = Get-CimInstance Win32_OperatingSystem
        $current = 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion'
        Put 'os.family' 'windows' 'this script'
        Put-Version 'os.ver' $os.Version 'Win32_OperatingSystem'
        Put-Version 'os.build' ('{0}.{1}' -f (Get-Registry $current 'CurrentBuild'), (Get-Registry $current 'UBR')) 'CurrentVersion: CurrentBuild, UBR'
        Put 'claim:uptime' ((Get-UnixTime (Get-Date)) - (Get-UnixTime $os.LastBootUpTime)) 'Win32_OperatingSystem'
    }
    Get-Fact 'os.patch' {
        $last = Get-HotFix | Where-Object { $_.InstalledOn } | Sort-Object InstalledOn | Select-Object -Last 1
        Put-Time 'os.patch' (Get-Field $last 'InstalledOn') 'Get-HotFix'
    }
    # What Windows Update found when it looked last; it is not made to look.
    Get-Fact 'pend.crit', 'pend.imp' {
        $looked = (New-Object -ComObject Microsoft.Update.AutoUpdate).Results.LastSearchSuccessDate
        if (-not $looked -or $looked -lt [datetime]::UtcNow.AddDays(-$Week)) { throw 'Windows has not looked for updates within a week' }
        $searcher = (New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher()
        $searcher.Online = $false
        $found = @($searcher.Search('IsInstalled=0 and IsHidden=0').Updates)
        $security = @($found | Where-Object { $_.MsrcSeverity })
        Put 'pend.crit' $security.Count 'Microsoft.Update.Session, not online'
        Put 'pend.imp' ($found.Count - $security.Count) 'Microsoft.Update.Session, not online'
    }
}

function Get-ProtectionFacts {
    Get-Fact 'av.name', 'av.ver', 'av.on', 'av.rt', 'av.defs_at' {
        $mp = Get-MpComputerStatus
        if ("$(Get-Field $mp 'AMRunningMode')" -match 'Passive|Not running') { throw 'another product has the watch, and does not say how old its definitions are' }
        Put 'av.name' 'defender' 'Get-MpComputerStatus'
        Put-Version 'av.ver' $mp.AMProductVersion 'Get-MpComputerStatus'
        Put 'av.on' ([bool]$mp.AntivirusEnabled) 'Get-MpComputerStatus'
        Put 'av.rt' ([bool]$mp.RealTimeProtectionEnabled) 'Get-MpComputerStatus'
        Put-Time 'av.defs_at' $mp.AntivirusSignatureLastUpdated 'Get-MpComputerStatus'
    }
    Get-Fact 'fw.on', 'fw.in' {
        $profiles = @(Get-NetFirewallProfile -PolicyStore ActiveStore)
        Put 'fw.on' ($profiles.Count -eq 3 -and -not ($profiles | Where-Object { "$($_.Enabled)" -ne 'True' })) 'Get-NetFirewallProfile'
        Put 'fw.in' ($Facts['fw.on'].Value -and -not ($profiles | Where-Object { "$($_.DefaultInboundAction)" -eq 'Allow' })) 'Get-NetFirewallProfile'
    }
    Get-Fact 'fde.sys', 'fde.all' {
        $volumes = @(Get-BitLockerVolume)
        $open = @($volumes | Where-Object { "$($_.ProtectionStatus)" -ne 'On' -or "$($_.VolumeStatus)" -ne 'FullyEncrypted' })
        $system = @($volumes | Where-Object { $_.MountPoint -eq $env:SystemDrive })
        if ($system.Count -ne 1) { throw 'BitLocker does not name the system drive' }
        Put 'fde.sys' (-not ($open | Where-Object { $_.MountPoint -eq $env:SystemDrive })) 'Get-BitLockerVolume'
        Put 'fde.all' ($open.Count -eq 0) 'Get-BitLockerVolume'
    }
    # The limit of the machine. What a person set in their own screen saver another account cannot see.
    Get-Fact 'lock.on', 'lock.max_s' {
        $limit = Get-Registry 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System' 'InactivityTimeoutSecs'
        if (-not $limit) { throw 'no inactivity limit is set for this computer (InactivityTimeoutSecs)' }
        Put 'lock.on' $true 'InactivityTimeoutSecs'
        Put 'lock.max_s' ([long]$limit) 'InactivityTimeoutSecs'
    }
}

function Get-MachineFacts {
    Get-Fact 'claim:oemboot' {
        try { $on = Confirm-SecureBootUEFI } catch {
            if ($_.Exception -isnot [PlatformNotSupportedException]) { throw }
            $on = $false                        # not started by UEFI
        }
        Put 'claim:oemboot' ([bool]$on) 'Confirm-SecureBootUEFI'
    }
    Get-Fact 'tamper.devmode' {
        $options = Get-Registry 'HKLM:\SYSTEM\CurrentControlSet\Control' 'SystemStartOptions'
        $developer = Get-Registry 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\AppModelUnlock' 'AllowDevelopmentWithoutDevLicense'
        Put 'tamper.devmode' ("$options" -match 'TESTSIGNING|DEBUG' -or $developer -eq 1) 'SystemStartOptions, AppModelUnlock'
    }
    Get-Fact 'mdm.enrolled' {
        $all = @(Get-ChildItem 'HKLM:\SOFTWARE\Microsoft\Enrollments' -ErrorAction SilentlyContinue |
            Where-Object { (Get-Registry $_.PSPath 'EnrollmentState') -eq 1 -and (Get-Registry $_.PSPath 'ProviderID') })
        Put 'mdm.enrolled' ($all.Count -gt 0) 'HKLM:\SOFTWARE\Microsoft\Enrollments'
    }
    Get-Fact 'inv.serial_h' {
        $serial = (Get-CimInstance Win32_BIOS).SerialNumber
        if (-not $serial) { throw 'the firmware has no serial number' }
        Put 'inv.serial_h' (ConvertTo-Hex (Get-Sha256 ([Text.Encoding]::UTF8.GetBytes($serial)))).Substring(0, 32) 'Win32_BIOS, hashed'
    }
    Get-Fact 'claim:hwmodel' {
        $model = [Text.Encoding]::UTF8.GetBytes("$((Get-CimInstance Win32_ComputerSystem).Model)")
        if (-not $model.Length) { throw 'the firmware has no name of a model' }
        Put 'claim:hwmodel' (ConvertTo-Base64Url ([byte[]]($model | Select-Object -First 32))) 'Win32_ComputerSystem'
    }
    Get-Fact 'lic.genuine' {
        $windows = @(Get-CimInstance SoftwareLicensingProduct -Filter "ApplicationID='55c92734-d682-4d71-983e-d6ec3f16059f' and PartialProductKey is not null")
        Put 'lic.genuine' (@($windows | Where-Object { $_.LicenseStatus -eq 1 }).Count -gt 0) 'SoftwareLicensingProduct'
    }
    Get-Fact 'usb.storage' {
        Put 'usb.storage' ((Get-Registry 'HKLM:\SYSTEM\CurrentControlSet\Services\USBSTOR' 'Start') -ne 4) 'USBSTOR: Start'
    }
}

function Get-Facts { Get-SystemFacts; Get-ProtectionFacts; Get-MachineFacts }

function Show-Facts {
    Get-Facts
    foreach ($name in $Facts.Keys) {
        '{0,-15} {1,-24} {2}' -f ($name -replace '\Aclaim:', ''), $Facts[$name].Value, $Facts[$name].From
    }
    foreach ($name in $Unknown.Keys) { '{0,-15} {1,-24} {2}' -f ($name -replace '\Aclaim:', ''), 'unknown', $Unknown[$name] }
}

# --- reporting ---------------------------------------------------------------------------------------

function Get-Settings {
    if (-not (Test-Path -LiteralPath $Settings -ErrorAction SilentlyContinue)) {
        Stop-With 2 'this computer is not enrolled, or you are not its administrator (status: -Gateway ADDRESS)'
    }
    Get-Content -Raw -LiteralPath $Settings | ConvertFrom-Json
}

# Inside the tunnel: no proxy, no redirect. Status and JSON, also of a refusal.
function Invoke-Portal([string]$Where, [string]$Path, [string]$Token) {
    $host_ = if ($Where.Contains(':')) { "[$Where]" } else { $Where }
    $q = [Net.WebRequest]::CreateHttp("http://$host_$Path")
    $q.Proxy = $null
    $q.AllowAutoRedirect = $false
    $q.Timeout = $q.ReadWriteTimeout = 20000
    if ($Token) {
        $bytes = [Text.Encoding]::ASCII.GetBytes($Token)
        $q.Method = 'POST'
        $q.ContentType = 'application/eat+jwt'
        $q.ServicePoint.Expect100Continue = $false
        $q.ContentLength = $bytes.Length
        $s = $q.GetRequestStream()
        try { $s.Write($bytes, 0, $bytes.Length) } finally { $s.Dispose() }
    }
    try { $answer = $q.GetResponse() } catch {
        $e = $_.Exception                       # a refusal has an answer too; it is inside
        while ($e -and $e -isnot [Net.WebException]) { $e = $e.InnerException }
        if (-not $e -or -not $e.Response) { throw }
        $answer = $e.Response
    }
    try {
        if ($answer.ContentLength -gt 262144 -or $answer.ContentLength -lt 0) { throw 'the answer has no length, or is too long' }
        $reader = New-Object IO.StreamReader($answer.GetResponseStream(), [Text.Encoding]::UTF8)
        @{ Status = [int]$answer.StatusCode; Body = ConvertFrom-Json $reader.ReadToEnd() }
    } finally { $answer.Close() }
}

function Get-Claims($s, [string]$Nonce, [string]$Audience) {
    $now = Get-UnixTime (Get-Date)
    $pst = @{ v = 1; at = $now }
    $claims = @{
        iss = $s.device; sub = $s.device; aud = $Audience; iat = $now; exp = $now + $Life
        jti = ConvertTo-Base64Url (New-RandomBytes 16); eat_profile = 'tag:portcullis,2026:posture-v1'
        ueid = $s.ueid; eat_nonce = $Nonce; pst = $pst
        cnf = @{ jwk = @{ kty = 'OKP'; crv = 'X25519'; x = $s.wireguard_key.TrimEnd('=').Replace('+', '-').Replace('/', '_') } }
        swname = 'portcullis-agent.ps1'; swversion = @('0.1')
    }
    $Facts.Clear(); $Unknown.Clear()
    Get-Facts
    foreach ($name in $Facts.Keys) {
        $value = $Facts[$name].Value
        if ($name.StartsWith('claim:')) { $claims[$name.Substring(6)] = $value; continue }
        $group, $member = $name -split '\.', 2
        if (-not $pst.ContainsKey($group)) { $pst[$group] = @{} }
        $pst[$group][$member] = $value
    }
    $claims
}

function New-Token($s, [string]$Nonce, [string]$Audience) {
    $key = Open-SigningKey $s.provider
    try {
        $header = @{ alg = 'ES256'; typ = 'eat+jwt'; kid = (Get-Kid $key) } | ConvertTo-Json -Compress
        $payload = Get-Claims $s $Nonce $Audience | ConvertTo-Json -Compress -Depth 6
        $text = (ConvertTo-Base64Url ([Text.Encoding]::UTF8.GetBytes($header))) + '.' +
            (ConvertTo-Base64Url ([Text.Encoding]::UTF8.GetBytes($payload)))
        $text + '.' + (New-Signature $key $text)
    } finally { $key.Dispose() }
}

function Show-Answer($Body) {
    $failure = Get-Field $Body 'error'
    if ($failure) {
        "The gateway refused: $(Format-Shown (Get-Field $failure 'message')) ($(Format-Shown (Get-Field $failure 'code')))"
        if (Get-Field $failure 'hint') { "What to do: $(Format-Shown (Get-Field $failure 'hint'))" }
        return
    }
    if ((Get-Field $Body 'result') -eq 'in') { "You are in for $(Format-Shown (Get-Field $Body 'lease_seconds')) seconds."; return }
    "You are in quarantine: $(Format-Shown (Get-Field $Body 'sentence')) ($(Format-Shown (Get-Field $Body 'code')))"
    foreach ($rule in @(Get-Field $Body 'rules')) {
        if ((Get-Field $rule 'result') -eq 'pass') { continue }
        "  - $(Format-Shown (Get-Field $rule 'rule')): $(Format-Shown (Get-Field $rule 'sentence'))"
        if (Get-Field $rule 'fix') { "    What to do: $(Format-Shown (Get-Field $rule 'fix'))" }
    }
}

# The answer to one report.
function Send-Report {
    $s = Get-Settings
    $n = (Invoke-Portal $s.gateway '/v1/nonce').Body
    if (Get-Field $n 'error') { return $n }
    $nonce = Get-Field $n 'nonce'
    $audience = Get-Field $n 'audience'
    if ($nonce -cnotmatch '\A[A-Za-z0-9_-]{43}\z' -or -not (Test-Audience $audience)) { throw 'what answers there is not a Portcullis gateway' }
    (Invoke-Portal $s.gateway '/v1/posture' (New-Token $s $nonce $audience)).Body
}

# The lease in seconds; 0 = quarantine or refused, -1 = not reached.
function Invoke-Report {
    try { $answer = Send-Report } catch {
        [Console]::Error.WriteLine("portcullis-agent: cannot reach the gateway, is the tunnel on? ($(Format-Shown $_.Exception.Message))")
        return -1
    }
    Show-Answer $answer | Out-Host
    $left = Get-Field $answer 'lease_seconds'
    if ((Get-Field $answer 'result') -eq 'in' -and (Test-Number $left 86400)) { [long]$left } else { 0 }
}

function Invoke-Run {
    $pause = 5
    for (;;) {
        $left = Invoke-Report
        if ($left -gt 0) { $pause = 5; Start-Sleep -Seconds ([Math]::Max(1, [Math]::Floor($left / 3))); continue }
        Start-Sleep -Seconds $pause
        $pause = [Math]::Min(60, $pause * 2)
    }
}

function Show-Status {
    if (-not $Gateway) { $Gateway = (Get-Settings).gateway }
    if (-not (Test-Address $Gateway)) { Stop-With 2 '-Gateway takes the gateway''s address' }
    try { $me = (Invoke-Portal $Gateway '/v1/me').Body } catch { Stop-With 3 'cannot reach the gateway: is the tunnel on?' }
    "$(Format-Shown (Get-Field $me 'state')): $(Format-Shown (Get-Field $me 'sentence'))" | Out-Host
    if (Get-Field $me 'fix') { "What to do: $(Format-Shown (Get-Field $me 'fix'))" | Out-Host }
    if ((Get-Field $me 'state') -eq 'in') { exit 0 } else { exit 1 }
}

# --- enrolling -----------------------------------------------------------------------------------------

function Read-Link([string]$Text) {
    if ($Text -cnotmatch '\Ahttps://([A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(:([0-9]{1,5}))?/enrol#([A-Za-z0-9]{26})\.([A-Za-z0-9_-]{43})\z') {
        Stop-With 2 'this is no invitation with a pin; quote the link'
    }
    @{ Host = $Matches[1].Trim('[', ']'); Token = $Matches[4]; Pin = $Matches[5]
       Port = $(if ($Matches[3]) { [int]$Matches[3] } else { 443 }) }
}

function Read-Code([string]$Text) {
    if (-not $Text) { $Text = Read-Host 'The code of eight digits that you were told' }
    $digits = $Text -replace '[ -]', ''
    if ($digits -cnotmatch '\A[0-9]{8}\z') { Stop-With 2 'a code has eight digits' }
    $digits.Substring(0, 4) + '-' + $digits.Substring(4)
}

function Get-List($Config, [string]$Name, [int]$Least, [string]$Test) {
    $all = @(Get-Field $Config $Name)
    $bad = @($all | Where-Object { -not (& $Test $_) })
    if ($all.Count -lt $Least -or $all.Count -gt 256 -or $bad.Count) { throw "its '$Name' is not as it must be" }
    , $all
}

# wg-quick's text, each value looked at.
function Get-Configuration($Config, [string]$PrivateKey) {
    $key = Get-Field $Config 'gateway_key'
    $endpoint = Get-Field $Config 'endpoint'
    $mtu = Get-Field $Config 'mtu'
    $keepalive = Get-Field $Config 'keepalive'
    if (-not (Test-Key $key)) { throw "its 'gateway_key' is not as it must be" }
    if (-not (Test-Endpoint $endpoint)) { throw "its 'endpoint' is not as it must be" }
    $lines = @('[Interface]', "PrivateKey = $PrivateKey", "Address = $((Get-List $Config 'address' 1 'Test-Network') -join ', ')")
    $dns = Get-List $Config 'dns' 0 'Test-Address'
    if ($dns.Count) { $lines += "DNS = $($dns -join ', ')" }
    if ((Test-Number $mtu 9000) -and $mtu -ge 1280) { $lines += "MTU = $mtu" }
    $lines += '', '[Peer]', "PublicKey = $key", "Endpoint = $endpoint", "AllowedIPs = $((Get-List $Config 'allowed_ips' 1 'Test-Network') -join ', ')"
    if (Test-Number $keepalive 65535) { $lines += "PersistentKeepalive = $keepalive" }
    ($lines -join "`r`n") + "`r`n"
}

# SYSTEM and administrators alone.
function New-Folder {
    New-Item -ItemType Directory -Force -Path $Folder | Out-Null
    & "$env:SystemRoot\System32\icacls.exe" $Folder /inheritance:r /grant:r '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' | Out-Null
    if ($LASTEXITCODE -ne 0) { throw 'the folder cannot be closed to others' }
}

function Invoke-Enrol {
    Assert-Administrator
    $l = Read-Link $Link
    $digits = Read-Code $Code
    $wg = Join-Path $WireGuard 'wg.exe'
    if (Test-Path -LiteralPath $Settings) { Stop-With 1 "this computer is enrolled; remove $Folder to begin anew" }
    if (-not (Test-Path -LiteralPath $wg)) { Stop-With 2 'WireGuard for Windows is not installed' }
    New-Folder
    Add-Type -TypeDefinition $TlsSource
    $private = & $wg genkey
    $public = $private | & $wg pubkey
    $key = New-SigningKey
    $ueid = ConvertTo-Base64Url ([byte[]](, 1 + (New-RandomBytes 16)))
    $request = @{ token = $l.Token; code = $digits; wireguard_key = $public
                  issuer = @{ kid = (Get-Kid $key); alg = 'ES256'; key = ConvertTo-Base64Url (Get-PublicXY $key) } } |
        ConvertTo-Json -Compress -Depth 3
    try { $answer = Read-Answer ([PortcullisTls]::Post($l.Host, $l.Port, '/v1/enrol', $request, $l.Pin)) } catch {
        Stop-With 3 "cannot reach $($l.Host), or its key is not the link's ($(Format-Shown $_.Exception.Message))"
    }
    if ($answer.Status -ne 201) { Show-Answer $answer.Body | Out-Host; exit 1 }
    Save-Enrolment $answer.Body $private $public $key.Provider.Provider $ueid
}

function Save-Enrolment($Body, [string]$Private, [string]$Public, [string]$Provider, [string]$Ueid) {
    $conf = Join-Path $Folder 'portcullis.conf'
    $device = Get-Field $Body 'device'
    $portal = Get-Field $Body 'portal'
    try {
        if (-not (Test-Name $device) -or -not (Test-Address $portal)) { throw 'it names no device or portal' }
        $text = Get-Configuration (Get-Field $Body 'config') $Private
    } catch { Stop-With 1 "the gateway's answer cannot be used: $(Format-Shown $_.Exception.Message)" }
    [IO.File]::WriteAllText($conf, $text)
    [IO.File]::WriteAllText($Settings, (@{ gateway = $portal; device = $device; wireguard_key = $Public
        provider = $Provider; ueid = $Ueid } | ConvertTo-Json))
    $p = Start-Process -FilePath (Join-Path $WireGuard 'wireguard.exe') -Wait -PassThru `
        -ArgumentList '/installtunnelservice', "`"$conf`""
    if ($p.ExitCode -ne 0) { Stop-With 3 "WireGuard does not take $conf ($($p.ExitCode))" }
    "This computer is $device. Its tunnel is in $conf. Next: .\portcullis-agent.ps1 install"
}

# --- the scheduled task ----------------------------------------------------------------------------------

function Install-Task {
    Assert-Administrator
    $null = Get-Settings
    $copy = Join-Path $Folder 'portcullis-agent.ps1'
    Copy-Item -LiteralPath $PSCommandPath -Destination $copy -Force
    $action = New-ScheduledTaskAction -Execute "$env:SystemRoot\System32\WindowsPowerShell\v1.0\powershell.exe" `
        -Argument "-NoProfile -NonInteractive -ExecutionPolicy Bypass -File `"$copy`" run"
    $set = New-ScheduledTaskSettingsSet -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -StartWhenAvailable `
        -ExecutionTimeLimit ([TimeSpan]::Zero) -RestartCount 999 -RestartInterval (New-TimeSpan -Minutes 1)
    Register-ScheduledTask -TaskName $TaskName -Action $action -Settings $set -Force `
        -Trigger (New-ScheduledTaskTrigger -AtStartup) `
        -Principal (New-ScheduledTaskPrincipal -UserId 'S-1-5-18' -LogonType ServiceAccount -RunLevel Highest) | Out-Null
    Start-ScheduledTask -TaskName $TaskName
}

function Uninstall-Task {
    Assert-Administrator
    Stop-ScheduledTask -TaskName $TaskName
    Unregister-ScheduledTask -TaskName $TaskName -Confirm:$false
}

switch ($Verb) {
    { $_ -in 'enroll', 'enrol' } { Invoke-Enrol }
    'install' { Install-Task }
    'uninstall' { Uninstall-Task }
    'facts' { Show-Facts }
    'status' { Show-Status }
    'post' {
        $left = Invoke-Report
        if ($left -gt 0) { exit 0 } elseif ($left -eq 0) { exit 1 } else { exit 3 }
    }
    'run' { Invoke-Run }
}
