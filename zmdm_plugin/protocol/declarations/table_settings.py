"""Declarations, settings: made by tools/declaration_table.py, not by hand."""

from __future__ import annotations

TEXT = """\
configuration.audio-accessory.settings combined i26.0:S:d:d
 TemporaryPairing dict
  Disabled bool
  Configuration dict
   UnpairingTime* dict
    Policy* str =None|Hour
    Hour int 0..23
configuration.content-cache.settings single m27.0:SL:d
 AllowCacheDelete bool
 AllowPersonalCaching bool
 AllowSharedCaching bool
 AutoActivation bool
 AutoEnableTetheredCaching bool
 CacheLimit int
 DataPath str
 DenyActivation bool
 DenyTetheredCaching bool
 DeclarativeStatusInterval int 300..86400
 DisplayAlerts bool
 KeepAwake bool
 ListenRanges arr &content-cache.settings/RangesItem
 ListenRangesOnly bool
 ListenWithPeersAndParents bool
 LocalSubnetsOnly bool
 LogClientIdentity bool
 Parents arr
  - str
 ParentSelectionPolicy str =first-available|url-path-hash|random|round-robin|sticky-available
 PeerFilterRanges arr &content-cache.settings/RangesItem
 PeerListenRanges arr &content-cache.settings/RangesItem
 PeerLocalSubnetsOnly bool
 PersonalCacheLimit int
 Port int
 PublicRanges arr &content-cache.settings/RangesItem
 ManagementStatusTarget str
 ManagementSecurityConfig str =no-cert|signedByCACert|specificServerCert
 ManagementReportingInterval int 60..86400
 ManagementStatusCertificateReference str @credential.certificate
configuration.diskmanagement.settings combined m15.0:SL:d
 Restrictions dict
  ExternalStorage str =Allowed|ReadOnly|Disallowed
  NetworkStorage str =Allowed|ReadOnly|Disallowed
configuration.external-intelligence.settings combined i26.4:S:d:0 m26.4:S:du v26.4:S:d
 Enabled bool
 AllowSignIn bool
 AllowedWorkspaceIDs arr
  - str
configuration.intelligence.settings combined i26.4:S:d:0 m26.4:S:du v26.4:S:d
 AllowAppleIntelligenceReport bool
 AllowGenmoji bool
 AllowImagePlayground bool
 AllowImageWand bool m!
 AllowPersonalizedHandwritingResults bool m! v!
 AllowVisualIntelligenceSummary bool m! v!
 AllowWritingTools bool
 Apps dict
  Calendar dict i27.0 m27.0 v27.0
   AllowNaturalLanguageEditing bool
  Mail dict
   AllowSmartReplies bool
   AllowSummary bool
  Notes dict
   AllowTranscription bool v!
   AllowTranscriptionSummary bool v!
  Safari dict
   AllowSummary bool
 ForceOnDeviceOnlyDictation bool
 ForceOnDeviceOnlyTranslation bool m! v!
configuration.keyboard.settings combined i26.4:S:d:u m26.4:S:du
 AllowAutoCorrection bool m!
 AllowDefinitionLookup bool
 AllowDictation bool
 AllowMathKeyboardSuggestions bool
 AllowPredictiveText bool m!
 AllowSlideToType bool m!
 AllowSpellCheck bool m!
 AllowTextReplacement bool m!
configuration.legacy multiple i15.0:SDUL:d:du m13.0:SUL:du t16.0:SDL:d v1.1:SDUL:d w10.0:SL:d
 ProfileURL str
 ProfileAssetReference str @data ~plist i27.0 m27.0 t27.0 v27.0 w27.0
configuration.legacy.interactive multiple i15.0:SDU:d:0 m13.0:SU:du t16.0:SD:d v1.1:SDU:d
 ProfileURL str
 ProfileAssetReference str @data ~plist i27.0 m27.0 t27.0 v27.0
 VisibleName* str
configuration.management.status-subscriptions combined i15.0:SDU:d:du m13.0:SU:du t16.0:SD:d \
v1.1:SDU:d w10.0:S:d
 StatusItems* arr
  - dict
   Name* str
configuration.management.test multiple i15.0:SDUL:d:du m13.0:SUL:du t16.0:SDL:d v1.1:SDUL:d \
w10.0:SL:d
 Echo* str
 EchoDataAssetReference str @data i17.0 m14.0 t17.0
 ReturnStatus str =Installed|Failed|Unlocked
configuration.math.settings combined i18.0:S:d:u m15.0:S:u
 Calculator dict
  BasicMode dict
   AddSquareRoot* bool
  ScientificMode dict
   Enabled* bool
  ProgrammerMode dict i!
   Enabled* bool
  MathNotesMode dict
   Enabled* bool
  InputModes dict
   UnitConversion* bool
   RPN* bool i!
 SystemBehavior dict
  KeyboardSuggestions* bool
  MathNotes* bool
configuration.migration-assistant.settings combined m26.4:S:d
 ShouldDoManagedMigration* bool
 ExcludedAccounts arr
  - str
 ExcludedPaths arr
  - str
 RequiredPaths arr
  - str
 ShouldMigrateSecurityPrivacySettings* bool
configuration.passcode.settings combined i15.0:SDUL:d:0 m13.0:SL:du v2.0:SDUL:d w10.0:SL:d
 RequirePasscode bool
 RequireAlphanumericPasscode bool i16.2 m13.1 w!
 RequireComplexPasscode bool
 MinimumLength int 0..16
 MinimumComplexCharacters int 0..4 i16.2 m13.1 w!
 MaximumFailedAttempts int 2..11
 FailedAttemptsResetInMinutes int i! m13.1 v! w!
 MaximumGracePeriodInMinutes int
 MaximumInactivityInMinutes int 0..15
 MaximumPasscodeAgeInDays int 0..730 i16.2 m13.1
 PasscodeReuseLimit int 1..50
 ChangeAtNextAuth bool i! m13.1 v! w!
 CustomRegex dict i! m14.0 v! w!
  Regex* str
  Description dict
   ANY str
configuration.safari.bookmarks combined i26.0:SD:d:u m26.0:S:u v26.0:SD:d
 ManagedBookmarks arr
  - dict
   GroupIdentifier* str
   Title* str
   Bookmarks* arr
    - dict &safari.bookmarks/folder-item
configuration.safari.extensions.settings combined i18.0:S:d:u m15.0:S:u v26.0:S:d
 ManagedExtensions dict
  ANY dict
   State str =Allowed|AlwaysOn|AlwaysOff
   PrivateBrowsing str =Allowed|AlwaysOn|AlwaysOff
   AllowedDomains arr
    - str
   DeniedDomains arr
    - str
configuration.safari.settings combined i26.0:SD:d:u m26.0:S:u v26.0:SD:d
 AcceptCookies str =Never|CurrentWebsite|VisitedWebsites|Always i:S m! v!
 AllowDisablingFraudWarning bool i:S m! v!
 AllowHistoryClearing bool i:S v:S
 AllowJavaScript bool i:S m! v!
 AllowPrivateBrowsing bool i:S v:S
 AllowPopups bool i:S m! v!
 AllowSummary bool i:S v:S
 NewTabStartPage dict
  PageType* str =Start|Home|Extension
  HomepageURL str
  ExtensionIdentifier str
 Privacy dict i27.0:S:d:u m27.0:S:u v!
  PermissionDefaults dict
   ANY dict
    OrganizationJustification* str
    Camera str =None|Allow
    Microphone str =None|Allow
configuration.screensharing.connection multiple m14.0:SUL:du
 ConnectionUUID* str
 DisplayName* str
 HostName* str
 Port int
 DisplayConfiguration* dict
  DisplayType* str =Virtual1|Virtual2
 AuthenticationCredentialsAssetReference str @credential.userpassword
configuration.screensharing.connection.group multiple m14.0:SUL:du
 ConnectionGroupUUID* str
 GroupName* str
 Members* arr
  - str
configuration.screensharing.host.settings single m14.0:SL:d
 MaximumVirtualDisplays int 0..2
 PortBase int 1024..65535
 PreventCopyFilesFromHost bool
 PreventCopyFilesToHost bool
 PreventHighPerformanceConnections bool
configuration.security.certificate multiple i17.0:SDUL:d:du m14.0:SUL:du t17.0:SDL:d v1.1:SDUL:d \
w10.0:SL:d
 CredentialAssetReference* str @credential.certificate
configuration.security.identity multiple i17.0:SDUL:d:du m14.0:SUL:du t17.0:SDL:d v1.1:SDUL:d \
w10.0:SL:d
 CredentialAssetReference* str @credential.identity,credential.scep,credential.acme
 AllowAllAppsAccess bool i! t! v! w!
 KeyIsExtractable bool i! t! v! w!
configuration.security.passkey.attestation multiple i17.0:SD:d:0 m14.0:S:u
 AttestationIdentityAssetReference* str @credential.identity,credential.scep,credential.acme
 AttestationIdentityKeyIsExtractable bool i!
 RelyingParties* arr
  - str
configuration.services.background-tasks multiple m15.0:S:d
 TaskType* str
 TaskDescription str
 ExecutableAssetReference str @data ~zip
 LaunchdConfigurations arr
  - dict
   FileAssetReference* str @data ~plist
   Context* str =daemon|agent
configuration.services.configuration-files multiple m14.0:S:d
 ServiceType* str
 DataAssetReference* str @data ~zip
configuration.siri.settings combined i26.4:S:d:u m26.4:S:du t27.0:S:d v26.4:S:d w26.4:S:d
 Enabled bool w!
 AllowUserGeneratedContent bool m! t! v!
 AllowWhileLocked bool m! t! v!
 ForceProfanityFilter bool t! v! w!
configuration.softwareupdate.enforcement.specific multiple i17.0:SD:d:d m14.0:S:d t18.4:SD:d \
v26.0:SD:d
 TargetOSVersion* str
 TargetBuildVersion str
 TargetLocalDateTime* str
 DetailsURL str
configuration.softwareupdate.settings combined i18.0:SD:d:d m15.0:S:d t18.4:SD:d v26.0:SD:d
 Notifications bool
 Deferrals dict i:S t:S v:S
  CombinedPeriodInDays int 1..90 m!
  MajorPeriodInDays int 1..90 i! t! v!
  MinorPeriodInDays int 1..90 i! t! v!
  SystemPeriodInDays int 1..90 i! t! v!
 RecommendedCadence str =All|Oldest|Newest m! t!
 AutomaticActions dict i:S t:S v:S
  Download str =Allowed|AlwaysOn|AlwaysOff t!
  InstallOSUpdates str =Allowed|AlwaysOn|AlwaysOff
  InstallSecurityUpdate str =Allowed|AlwaysOn|AlwaysOff t!
 RapidSecurityResponse dict i:S t! v!
  Enable bool
  EnableRollback bool
 AllowStandardUserOSUpdates bool i! t! v!
 Beta dict m15.4:S:d t! v!
  ProgramEnrollment str =Allowed|AlwaysOn|AlwaysOff i:S
  OfferPrograms arr
   - dict
    Description* str
    Token* str
  RequireProgram dict i:S
   Description* str
   Token* str
configuration.watch.enrollment single i17.0:S:d:0
 EnrollmentProfileURL* str
 AnchorCertificateAssetReferences arr @credential.certificate
  - str
shape content-cache.settings/RangesItem
 - dict
  type str =IPv4|IPv6
  first* str
  last* str
shape safari.bookmarks/folder-item
 Title* str
 URL str
 Folder arr
  - dict &safari.bookmarks/folder-item
"""
